"""local.conf: its meta-sections, changing it, the plugins that it names."""
# ruff: noqa: E501 - a line of bash stays a line

import pytest

CONF = """\
[[local|localrc]]
A=1
[[post-config|$NOVA_CONF]]
[DEFAULT]
# a comment
debug = True
  indented = no
url = http://$HOST/x
multi = one
multi = two
[new]
a=b=c
debug = False
[[extra|/e/x.conf]] # behind
[s]
k = v
[[post-config|second.conf]]
[s]
k =
"""


def test_meta_sections_are_found(bash) -> None:
    (bash.path / "local.conf").write_text(CONF)
    script = """
    get_meta_section local.conf local localrc
    get_meta_section_files local.conf post-config
    get_meta_section_files local.conf extra
    get_meta_section local.conf extra /e/x.conf
    get_meta_section local.conf extra none; get_meta_section none.conf a b
    get_meta_section_files none.conf a
    """
    assert bash(script).lines == ["A=1", "$NOVA_CONF", "second.conf", "/e/x.conf", "[s]", "k = v"]


def test_a_group_is_merged(bash) -> None:
    (bash.path / "local.conf").write_text(CONF)
    (bash.path / "nova.conf").write_text("# kept\n[DEFAULT]\nmulti = old\ndebug=1\nother = 2\n")
    bash(
        "NOVA_CONF=$PWD/etc/../nova.conf HOST=h; mkdir etc; cd etc; merge_config_group ../local.conf post-config"
    )
    assert (bash.path / "nova.conf").read_text() == (
        "# kept\n[DEFAULT]\nurl = http://h/x\nmulti = one\nmulti = two\ndebug=True\nother = 2\n"
        "\n[new]\na = b=c\ndebug = False\n"
    )
    assert (bash.path / "etc" / "second.conf").read_text() == "\n[s]\nk = \n"


@pytest.mark.parametrize(
    ("line", "merged"),
    [
        ("k = $V/x", "k = a b/x"),
        ('k = "quoted"', "k = quoted"),
        ("k = 'single'", "k = 'single'"),
        ("k = `echo hi`", "k = hi"),
        ("k = *", "k = *"),
        (r"k = C:\x", "k = C:x"),
        (r"k = \$V", "k = a b"),
        (r"k = \\$V", "k = $V"),
        ("k\t=\ta  b \t", "k = a b"),
        ("k", "k = "),
        ("k = # no comment", "k = # no comment"),
    ],
)
def test_values_are_words_of_the_shell(bash, line: str, merged: str) -> None:
    """As awk, `read` and `eval` make them of a line in DevStack."""
    (bash.path / "local.conf").write_text(f"[[g|f.conf]]\n[s]\n{line}\n")
    bash("V='a b'; merge_config_group local.conf g")
    assert (bash.path / "f.conf").read_text() == f"\n[s]\n{merged}\n"


def test_a_group_makes_directories(bash) -> None:
    (bash.path / "local.conf").write_text("[[g|$DEST/deep/er/f.conf]]\n[a]\nx = 1\n")
    bash("merge_config_group local.conf g none; merge_config_group absent.conf g")
    assert (bash.path / "dest" / "deep" / "er" / "f.conf").read_text() == "\n[a]\nx = 1\n"


def test_existing_files_are_merged_alone(bash) -> None:
    (bash.path / "local.conf").write_text("[[g|f.conf]]\n[a]\nx = 1\n[[g|none.conf]]\n[a]\nx = 1\n")
    (bash.path / "f.conf").write_text("[a]\n")
    bash("merge_existing_config_files local.conf g")
    assert (bash.path / "f.conf").read_text() == "[a]\nx = 1\n"
    assert not (bash.path / "none.conf").exists()


def test_a_group_warns_of_a_file_that_is_not_named(bash) -> None:
    (bash.path / "local.conf").write_text("[[g|$NONE]]\n[a]\nx = 1\n")
    done = bash("merge_config_group local.conf g", options="-e")
    assert "$NONE is undefined, so the section is not used" in done.out


def test_extract_localrc_section(bash) -> None:
    (bash.path / "local.conf").write_text(CONF)
    bash("extract_localrc_section local.conf localrc auto")
    assert (bash.path / "auto").read_text() == "# Generated file, do not edit\nA=1\n"
    (bash.path / "localrc").touch()
    assert "both exist" in bash.says("extract_localrc_section local.conf localrc auto2")
    assert not (bash.path / "auto2").exists()


@pytest.mark.parametrize(
    ("before", "arguments", "after"),
    [
        # a last line without an end gets one if text is added after it
        ("[[a|b]]\nX=1", "a b '' X 2", "[[a|b]]\nX=2"),
        ("[[a|b]]", "a b '' X 2", "[[a|b]]\nX=2\n"),
        ("[[a|b]]\nX=1", "c d s X 2", "[[a|b]]\nX=1\n[[c|d]]\n[s]\nX=2\n"),
        ("[[a|b]]\nX=1\n", "c d s X 2", "[[a|b]]\nX=1\n\n[[c|d]]\n[s]\nX=2\n"),
        # each line of the option
        ("[[a|b]]\nX=1\nX = 3\n", "a b '' X 2", "[[a|b]]\nX=2\nX = 2\n"),
        ("[[a|b]]\n[s]\nX=1\nX=3\n[t]\nX=4\n", "a b s X 2", "[[a|b]]\n[s]\nX=2\nX=2\n[t]\nX=4\n"),
    ],
)
def test_localconf_set_agrees_with_sed(bash, before, arguments, after) -> None:
    (bash.path / "c").write_text(before)
    bash(f"localconf_set c {arguments}")
    assert (bash.path / "c").read_text() == after


def test_localconf_functions_look_and_change(bash) -> None:
    (bash.path / "c").write_text("[[post|f]]\n[s]\nx = 1\n[[post|g]]\n[t]\ny=2\n")
    answers = bash.says("""
        for section in s t; do localconf_has_section c post f $section && echo $section; done
        localconf_has_option c post f s x && echo x
        localconf_has_option c post f s y || echo no y
        localconf_has_option c post f '' x && echo somewhere
        localconf_update_option '' c post f s x 9
        localconf_update_option '' c post f s z 9
        localconf_add_option '' c post f s z 3
        localconf_add_section_and_option '' c post g u w 4
        localconf_add_option '' c none g u w 4
    """)
    assert answers.split("\n") == ["s", "x", "no y", "somewhere"]
    assert (bash.path / "c").read_text() == (
        "[[post|f]]\n[s]\nz=3\nx = 9\n[[post|g]]\n[u]\nw=4\n[t]\ny=2\n"
    )


def test_localconf_set(bash) -> None:
    (bash.path / "c").write_text("[[local|localrc]]\nA=1\n[[post|f]]\n[s]\nx=1\n[t]\nx = 1\n")
    script = """
    localrc_set c A 2; localrc_set c B 3
    localconf_set c post f t x 9; localconf_set c post f s y 1; localconf_set c post f u z 1
    localconf_set c post g s x 1; localconf_set c post g s x ''
    """
    bash(script)
    assert (bash.path / "c").read_text() == (
        "[[local|localrc]]\nB=3\nA=2\n[[post|f]]\n[u]\nz=1\n[s]\ny=1\nx=1\n[t]\nx = 9\n"
        "\n[[post|g]]\n[s]\nx=1\n"
    )
    bash("localrc_set new A 1")
    assert (bash.path / "new").read_text() == "\n[[local|localrc]]\nA=1\n"


def test_plugins_are_noted(bash) -> None:
    script = """
    enable_plugin a /r/a; enable_plugin b /r/b v1; is_plugin_enabled a && echo a; is_plugin_enabled c || echo no
    echo "$DEVSTACK_PLUGINS ${GITREPO[b]} ${GITDIR[b]} ${GITBRANCH[a]} ${GITBRANCH[b]}"
    define_plugin a; define_plugin a; plugin_requires a b; plugin_requires a c
    echo "${DEFINED_PLUGINS[*]}:${PLUGIN_REQUIRES[a]}"
    git_clone_by_name() { echo "clone $1"; }; fetch_plugins
    enable_plugin a /r/a
    """
    done = bash(script, code=1)
    assert done.lines[:6] == [
        *("a", "no", f",a,b /r/b {bash.env['DEST']}/b master v1", "a: b c", "clone a", "clone b"),
    ]
    assert "enabled twice: a" in done.err
