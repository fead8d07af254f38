# plugin.sh - called by stack.sh with MODE [PHASE]

# Save trace setting
_XTRACE_ALMANAC=$(set +o | grep xtrace)
set +o xtrace

ALMANAC_PLUGIN=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source $ALMANAC_PLUGIN/lib/almanac

if is_service_enabled almanac-api; then
    if [[ "$1" == "stack" && "$2" == "pre-install" ]]; then
        echo_summary "Preparing the almanac"
    elif [[ "$1" == "stack" && "$2" == "install" ]]; then
        echo_summary "Installing the almanac"
        async_runfunc compute_almanac
        install_almanac
    elif [[ "$1" == "stack" && "$2" == "post-config" ]]; then
        echo_summary "Configuring the almanac"
        configure_almanac
        create_almanac_accounts
    elif [[ "$1" == "stack" && "$2" == "extra" ]]; then
        echo_summary "Starting the almanac"
        async_wait compute_almanac
        start_almanac
    elif [[ "$1" == "stack" && "$2" == "test-config" ]]; then
        check_almanac
    fi

    if [[ "$1" == "unstack" ]]; then
        stop_almanac
    fi

    if [[ "$1" == "clean" ]]; then
        cleanup_almanac
    fi
fi

# Restore trace setting
$_XTRACE_ALMANAC
