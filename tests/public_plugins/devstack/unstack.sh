#!/usr/bin/env bash
# The phase of unstack.sh.

# shellcheck disable=SC1091  # the files of DevStack

source "${BASH_SOURCE[0]%/*}/session.sh"
source "$TOP_DIR/lib/database"
source "$TOP_DIR/openrc"
GetDistro
run_phase override_defaults
source_libraries
source "$TOP_DIR/extras.d/80-tempest.sh" source
load_plugin_settings
run_phase unstack
passed unstack
