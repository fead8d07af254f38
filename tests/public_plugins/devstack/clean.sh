#!/usr/bin/env bash
# The phase of clean.sh.

# shellcheck disable=SC1091  # the files of DevStack

source "${BASH_SOURCE[0]%/*}/session.sh"
source "$TOP_DIR/openrc"
[[ ! -r $TOP_DIR/.stackenv ]] || source "$TOP_DIR/.stackenv"
GetDistro
source "$TOP_DIR/lib/database"
source "$TOP_DIR/lib/rpc_backend"
source_libraries
load_plugin_settings
run_phase clean
passed clean
