# shellcheck shell=bash
# Git repositories.

declare -gA GITREPO GITBRANCH GITDIR

# get_release_name_from_branch BRANCH
get_release_name_from_branch() {
    case $1 in
        *stable/* | *proposed/*) echo "${1#*/}" ;;
        *) echo master ;;
    esac
}

# git_timed ARG...: run git, with GIT_TIMEOUT seconds for each of three attempts
git_timed() {
    local -
    set +x
    set -o pipefail
    local -i count=0 status
    local reason
    time_start git_timed
    while :; do
        status=0
        { reason=$(timeout -s SIGINT "${GIT_TIMEOUT:-0}" git "$@" 2>&1 >&3 | _first_error_of_git); } 3>&1 || status=$?
        ((status != 0)) || break
        ((status == 124)) || die "$LINENO" "git call failed: [git $*]${reason:+: $reason}"
        count+=1
        warn "$LINENO" "timeout $count for git call: [git $*]"
        ((count < 3)) || die "$LINENO" "Maximum of 3 git retries reached"
        sleep 5
    done
    time_stop git_timed
}

# Pass standard input on to standard error, and print the first line in which git says why it fails.
_first_error_of_git() {
    local line reason=
    while IFS= read -r line || [[ $line ]]; do
        echo "$line" >&2
        [[ $line != @(fatal|error):* ]] || reason=${reason:-$line}
    done
    echo "$reason"
}

# git_clone REMOTE DIRECTORY REF: clone, unless the directory exists; RECLONE=True updates it;
# ERROR_ON_CLONE=True makes cloning an error
git_clone() {
    local -
    set +x
    local remote=$1 directory=$2 ref=${3-}
    local -a flags=()
    RECLONE=$(trueorfalse False RECLONE)
    ((${GIT_DEPTH:-0} == 0)) || flags=(--depth "$GIT_DEPTH")
    if [[ ${OFFLINE-} == True ]]; then
        echo "Running in offline mode, clones already exist"
    elif [[ ! -d $directory ]]; then
        _git_first_clone
    elif [[ ! -e $directory/.git ]]; then
        # In it, git would change the repository that the directory may be a part of.
        warn "$LINENO" "$directory stays as it is: it is no git repository" || :
    elif [[ $ref == refs* ]]; then
        git_timed -C "$directory" fetch "$remote" "$ref"
        git -C "$directory" checkout --quiet FETCH_HEAD
    elif [[ $RECLONE == True ]]; then
        _git_reclone
    fi
    # what is no repository may be a part of another one
    [[ -d $directory && ! -e $directory/.git ]] || git -C "$directory" log --oneline -1
}

# Uses the variables of git_clone. The directory gets its final name when the clone is complete.
_git_first_clone() {
    local clone=$directory.cloning
    if [[ ${ERROR_ON_CLONE-} == True ]]; then
        echo "The $directory project was not found; clone it there, or unset ERROR_ON_CLONE"
        die "$LINENO" "Cloning not allowed in this configuration"
    fi
    rm -rf "$clone"
    git_timed clone --no-checkout "${flags[@]}" "$remote" "$clone"
    # fetch works with branches, tags and commits
    git_timed -C "$clone" fetch "${flags[@]}" origin "${ref:-HEAD}"
    git -C "$clone" checkout --quiet FETCH_HEAD
    mv "$clone" "$directory"
}

_git_reclone() {
    git -C "$directory" remote set-url origin "$remote"
    git_timed -C "$directory" fetch origin
    # byte code that is newer than its source would be used instead of it
    find "$directory" -name '*.pyc' -delete
    (
        cd "$directory" || exit
        if git show-ref --quiet --verify "refs/tags/$ref"; then
            git_update_tag "$ref"
        elif git show-ref --quiet --verify "refs/heads/$ref"; then
            git_update_branch "$ref"
        elif git show-ref --quiet --verify "refs/remotes/origin/$ref"; then
            git_update_remote_branch "$ref"
        elif git rev-parse --quiet --verify "${ref:-origin/HEAD}^{commit}" > /dev/null; then
            git checkout --quiet "${git_force:---force}" --detach "${ref:-origin/HEAD}"
        else
            die "$LINENO" "$ref is neither branch nor tag nor commit"
        fi
    ) || exit
}

# git_clone_by_name NAME: clone GITREPO[NAME] at GITBRANCH[NAME] into GITDIR[NAME]
git_clone_by_name() {
    local name=$1
    [[ ${GITREPO[$name]-} ]] || die "$LINENO" "GITREPO[$name] is not set"
    git_clone "${GITREPO[$name]}" "${GITDIR[$name]-}" "${GITBRANCH[$name]-}"
}

# git_update_branch BRANCH: in the current directory
git_update_branch() {
    git checkout --quiet "${git_force:---force}" "origin/$1" || return
    # a local branch might not exist
    git branch --quiet -D "$1" || :
    git checkout --quiet -b "$1"
}

# git_update_remote_branch BRANCH
git_update_remote_branch() {
    git checkout --quiet -b "$1" -t "origin/$1"
}

# git_update_tag TAG
git_update_tag() {
    # with the plus it may replace the local one
    git_timed fetch origin "+refs/tags/$1:refs/tags/$1"
    git checkout --quiet "${git_force:---force}" "$1"
}

# _fetch_tree PREFIX REPOSITORY DIRECTORY REF: git_clone for the source tree of a project, in which the user
# works: nothing is discarded that is only there. PREFIX is that of the project's settings.
_fetch_tree() {
    local -
    set +x
    # git_clone and what it calls are not to force a checkout over files that git does not track.
    local prefix=$1 repository=$2 directory=$3 ref=$4 before='' git_force=--no-force
    RECLONE=$(trueorfalse False RECLONE)
    echo "$directory is to be $repository at $ref (${prefix}_REPO, ${prefix}_BRANCH;" \
        "TREES_FROM_SDIST=True if no git host can be reached)"
    [[ ! -d $directory ]] || _remove_empty_directories "$directory"
    if [[ -e $directory/.doitstack || ! -d $directory ]]; then
        [[ ${OFFLINE-} != True ]] || die "$LINENO" "$directory does not exist, and OFFLINE forbids cloning it"
        _clone_around_files
    elif [[ -e $directory/.git ]]; then
        before=$(git -C "$directory" rev-parse --quiet --verify HEAD) || :
        _update_tree
    else
        warn "$LINENO" "$directory stays as it is: it is no git repository" || :
        return
    fi
    # What is only in the tree is what comes after this.
    [[ $(git -C "$directory" rev-parse HEAD) == "$before" ]] ||
        git -C "$directory" update-ref refs/doitstack/fetched HEAD
    [[ -e $directory/setup.cfg || -e $directory/pyproject.toml || -e $directory/setup.py ]] ||
        die "$LINENO" "$directory is no source tree: it has neither pyproject.toml nor setup.cfg nor setup.py"
    _warn_of_another_branch
}

# Uses the variables of _fetch_tree. As in DevStack, without RECLONE only refs/... is checked out.
_update_tree() {
    local changes
    if [[ ${OFFLINE-} != True && $ref == refs* ]]; then
        git_timed -C "$directory" fetch "$repository" "$ref"
        if ! git -C "$directory" merge-base --is-ancestor FETCH_HEAD HEAD; then
            _refuse_to_discard "${prefix}_BRANCH=$ref"
            git -C "$directory" checkout --quiet FETCH_HEAD
        fi
        git -C "$directory" log --oneline -1
        return
    fi
    if [[ ${OFFLINE-} != True && $RECLONE == True ]]; then
        changes=$(git -C "$directory" status --porcelain --untracked-files=no)
        _refuse_to_discard RECLONE=True "$changes" "refs/heads/$ref"
    fi
    git_clone "$repository" "$directory" "$ref"
}

# _remove_empty_directories DIRECTORY: make room for a clone, where there are only directories that are made
# for scripts
_remove_empty_directories() {
    [[ ! $(find "$1" ! -type d ! -name .doitstack -print -quit) ]] || return 0
    find "$1" -name .doitstack -delete
    find "$1" -depth -type d -exec rmdir {} +
}

# Uses the variables of _fetch_tree. Files that scripts have written before there was a tree stay in it.
_clone_around_files() {
    if [[ ! -e $directory ]]; then
        git_clone "$repository" "$directory" "$ref"
        return
    fi
    git_clone "$repository" "$directory.fetched" "$ref"
    cp -a "$directory/." "$directory.fetched"
    rm -rf "$directory" "$directory.fetched/.doitstack"
    mv "$directory.fetched" "$directory"
}

# _refuse_to_discard SETTING [CHANGES] [REFERENCE]: die if there are changes, or commits of HEAD, or of a reference
# that would be replaced, that are nowhere else. Uses the variables of _fetch_tree.
_refuse_to_discard() {
    local setting=$1 changes=${2-} commits
    local -a references=(HEAD)
    ! git -C "$directory" show-ref --quiet --verify "${3-}" || references+=("$3")
    commits=$(git -C "$directory" log --oneline -5 "${references[@]}" --not --remotes --tags --glob refs/doitstack)
    [[ $changes || $commits ]] || return 0
    echo "$changes${changes:+$'\n'}$commits"
    die "$LINENO" "$setting would discard what is only in $directory: commit and push it, or unset ${setting%%=*}"
}

# Uses the variables of _fetch_tree. As in DevStack, an existing clone stays where it is without RECLONE.
_warn_of_another_branch() {
    local wanted
    wanted=$(git -C "$directory" rev-parse --quiet --verify "$ref^{commit}" ||
        git -C "$directory" rev-parse --quiet --verify "origin/$ref^{commit}") || return 0
    if ! git -C "$directory" merge-base --is-ancestor "$wanted" HEAD; then
        warn "$LINENO" "$directory stays as it is, without $ref; RECLONE=True checks that out"
    fi
}
