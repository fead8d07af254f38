"""The duration of iniset: pure bash compared with grep and sed, which DevStack's iniset calls.

python bench/iniset.py [CALLS]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tabulate import tabulate

LIBRARY = Path(__file__).parents[1] / "core" / "doitstack" / "bash" / "library.sh"

# Each call runs four programs and four subshells: two to save xtrace, one to find the section,
# one to find the option, one to change the file.
WITH_SED = r"""
_trace() { set +o | grep xtrace; }
_has() {
    local trace line; trace=$(_trace); set +o xtrace
    line=$(sed -n -e "/^\[$2\]/,/^\[.*\]/ { /^$3[ \t]*=/ p; }" "$1")
    $trace
    [ -n "$line" ]
}
sed_iniset() {
    local trace sep; trace=$(_trace); set +o xtrace
    grep -q "^\[$2\]" "$1" || echo -e "\n[$2]" | tee -a "$1" > /dev/null
    if _has "$1" "$2" "$3"; then
        sep=$(echo -ne "\x01")
        sed -i -e "/^\[$2\]/,/^\[.*\]/ s$sep^\($3[ \t]*=[ \t]*\).*\$$sep\1$4$sep" "$1"
    else
        sed -i -e "/^\[$2\]/ a\\
$3 = $4
" "$1"
    fi
    $trace
}
"""

# what the call does, and the arguments of call number $i
CASES = {
    "a new option": 'file s7 "new$i" value',
    "a longer value": 'file s12 option_7 "value $((1000 + i * 10000))"',
    "a shorter value": 'file s12 option_8 "$((999999 - i))"',
    "the same value": 'file s12 option_9 "value 9"',
    "a new section": 'file "t$i" option value',
}

TIMED = """
source "{library}"
{sed}
cp start file
declare -i i
for ((i = 0; i < {calls}; i++)); do
    {before}
    a=$EPOCHREALTIME
    {function} {arguments}
    b=$EPOCHREALTIME
    echo "$((${{b/./}} - ${{a/./}}))"
done
"""


def main(calls: int) -> None:
    """Print the table: the median of each, in ms."""
    with tempfile.TemporaryDirectory() as directory:
        start = Path(directory) / "start"
        start.write_text("".join(_section(number) for number in range(16)))
        rows = [_row(directory, case, calls) for case in CASES]
        lines = start.read_text().count("\n")
    print(f"a file of {lines} lines in 16 sections, median of {calls} calls, ms a call\n")
    print(tabulate(rows, ["iniset of", "with sed", "in bash", "ratio"], floatfmt=".2f"))


def _section(number: int) -> str:
    return f"\n[s{number}]\n" + "".join(f"option_{i} = value {i}\n" for i in range(12))


def _row(directory: str, case: str, calls: int) -> tuple[str, float, float, str]:
    with_sed = _median(directory, case, "sed_iniset", calls)
    in_bash = _median(directory, case, "iniset", calls)
    return case, with_sed, in_bash, f"{with_sed / in_bash:.0f}"


def _median(directory: str, case: str, function: str, calls: int) -> float:
    shorter = 'iniset file s12 option_8 "a much longer value $i"'
    script = TIMED.format(
        library=LIBRARY,
        sed=WITH_SED,
        calls=calls,
        before=shorter if "shorter" in case else ":",
        function=function,
        arguments=CASES[case],
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=directory, check=True, capture_output=True, text=True
    )
    took = sorted(int(line) for line in done.stdout.split())
    return took[len(took) // 2] / 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
