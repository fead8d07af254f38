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
    local -i count=0 status
    time_start git_timed
    while :; do
        status=0
        timeout -s SIGINT "${GIT_TIMEOUT:-0}" git "$@" || status=$?
        ((status != 0)) || break
        ((status == 124)) || die "$LINENO" "git call failed: [git $*]"
        count+=1
        warn "$LINENO" "timeout $count for git call: [git $*]"
        ((count < 3)) || die "$LINENO" "Maximum of 3 git retries reached"
        sleep 5
    done
    time_stop git_timed
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
    elif [[ $ref == refs* ]]; then
        git_timed -C "$directory" fetch "$remote" "$ref"
        git -C "$directory" checkout --quiet FETCH_HEAD
    elif [[ $RECLONE == True ]]; then
        _git_reclone
    fi
    git -C "$directory" log --oneline -1
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
            git checkout --quiet -f --detach "${ref:-origin/HEAD}"
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
    git checkout --quiet -f "origin/$1"
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
    git tag -d "$1"
    git_timed fetch origin tag "$1"
    git checkout --quiet -f "$1"
}

# _fetch_tree PREFIX REPOSITORY DIRECTORY REF: git_clone for the source tree of a project, in which the user
# works: RECLONE=True discards nothing that is only there. PREFIX is that of the project's settings.
_fetch_tree() {
    local -
    set +x
    local prefix=$1 repository=$2 directory=$3 ref=$4
    echo "$directory is to be $repository at $ref (${prefix}_REPO, ${prefix}_BRANCH;" \
        "TREES_FROM_SDIST=True if no git host can be reached)"
    [[ ! -d $directory ]] || _remove_empty_directories "$directory"
    if [[ (! -d $directory || -e $directory/.doitstack) && ${OFFLINE-} == True ]]; then
        die "$LINENO" "$directory does not exist, and OFFLINE forbids cloning it"
    fi
    [[ $(trueorfalse False RECLONE) != True || ! -d $directory/.git ]] || _refuse_to_discard "$directory"
    if [[ -e $directory/.doitstack ]]; then
        _clone_around_files "$repository" "$directory" "$ref"
    else
        git_clone "$repository" "$directory" "$ref"
    fi
    # What is only in the tree is what comes after this.
    git -C "$directory" update-ref refs/doitstack/fetched HEAD
    [[ -e $directory/setup.cfg || -e $directory/pyproject.toml || -e $directory/setup.py ]] ||
        die "$LINENO" "$directory is no source tree: it has neither pyproject.toml nor setup.cfg nor setup.py"
    _warn_of_another_branch
}

# _remove_empty_directories DIRECTORY: make room for a clone, where there are only directories that are made
# for scripts
_remove_empty_directories() {
    [[ ! $(find "$1" ! -type d ! -name .doitstack -print -quit) ]] || return 0
    find "$1" -name .doitstack -delete
    find "$1" -depth -type d -exec rmdir {} +
}

# _clone_around_files REPOSITORY DIRECTORY REF: git_clone where there are files that scripts have written before
# there was a tree; they stay
_clone_around_files() {
    git_clone "$1" "$2.fetched" "$3"
    cp -a "$2/." "$2.fetched"
    rm -rf "$2" "$2.fetched/.doitstack"
    mv "$2.fetched" "$2"
}

# _refuse_to_discard DIRECTORY: die if it has changes, or commits that are nowhere else
_refuse_to_discard() {
    local changed commits
    changed=$(git -C "$1" status --porcelain --untracked-files=no)
    commits=$(git -C "$1" log --oneline -5 HEAD --not --remotes --tags --glob refs/doitstack)
    [[ $changed || $commits ]] || return 0
    die "$LINENO" "RECLONE=True would discard what is only in $1: commit and push it, or unset RECLONE"$'\n'"$changed$commits"
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
