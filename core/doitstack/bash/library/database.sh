# shellcheck shell=bash
# Databases: recreate_database_TYPE and similar functions for each type.

DATABASE_BACKENDS=${DATABASE_BACKENDS:-mysql postgresql sqlite}

# register_database TYPE
register_database() {
    [[ " $DATABASE_BACKENDS " == *" $1 "* ]] || DATABASE_BACKENDS+=" $1"
}

# _database_type: the type of the enabled database service, else sqlite, which needs no server
_database_type() {
    local type
    if [[ ! ${DATABASE_TYPE-} ]]; then
        for type in $DATABASE_BACKENDS; do
            ! is_service_enabled "$type" || DATABASE_TYPE=$type
        done
    fi
    echo "${DATABASE_TYPE:-sqlite}"
}

# initialize_database_backends: set DATABASE_TYPE and the address and account of the server
initialize_database_backends() {
    DATABASE_TYPE=$(_database_type)
    [[ $DATABASE_TYPE != sqlite ]] || return 0
    DATABASE_HOST=${DATABASE_HOST:-${MYSQL_HOST:-127.0.0.1}}
    DATABASE_USER=${DATABASE_USER:-${MYSQL_USER:-root}}
    DATABASE_PASSWORD=${DATABASE_PASSWORD:-${MYSQL_PASSWORD-}}
    read_password DATABASE_PASSWORD "ENTER A PASSWORD TO USE FOR THE DATABASE."
    BASE_SQL_CONN=$(_base_sql_conn "$DATABASE_TYPE")
}

# _base_sql_conn TYPE: BASE_SQL_CONN or its default; DATABASE_PORT is the port of the stack's MariaDB
_base_sql_conn() {
    local port=''
    [[ $1 != mysql ]] || port=${DATABASE_PORT:+:$DATABASE_PORT}
    echo "${BASE_SQL_CONN:-$(get_database_type_"$1")://$DATABASE_USER:${DATABASE_PASSWORD-}@$(ipv6_quote "$DATABASE_HOST")$port}"
}

# recreate_database NAME: services that run since before are restarted by their run_process: what they have
# registered in a database is lost
recreate_database() {
    "recreate_database_$(_database_type)" "$1"
    [[ ! ${_doitstack_session-} ]] || doitstack_request database_recreated
}

# database_connection_url NAME: print the URL for SQLAlchemy
database_connection_url() {
    local -
    set +x
    "database_connection_url_$(_database_type)" "$1"
}

# install_database, configure_database, cleanup_database
install_database() {
    "install_database_$(_database_type)"
}

configure_database() {
    "configure_database_$(_database_type)"
}

cleanup_database() {
    "cleanup_database_$(_database_type)"
}

install_database_python() {
    "install_database_python_$(_database_type)"
}

get_database_type_mysql() {
    echo "mysql+${SQLALCHEMY_DATABASE_DRIVER:-pymysql}"
}

get_database_type_postgresql() {
    echo "postgresql${SQLALCHEMY_DATABASE_DRIVER:++$SQLALCHEMY_DATABASE_DRIVER}"
}

# SQLite: one file per database, in the same place as those of the in-tree services.

_sqlite_file() {
    echo "$DATA_DIR/$1/$1.db"
}

recreate_database_sqlite() {
    local file
    file=$(_sqlite_file "$1")
    mkdir -p "${file%/*}"
    rm -f "$file" "$file-journal" "$file-wal" "$file-shm"
    (umask 077; : > "$file")
}

database_connection_url_sqlite() {
    echo "sqlite:///$(_sqlite_file "$1")"
}

install_database_sqlite() {
    :
}

install_database_python_sqlite() {
    :
}

configure_database_sqlite() {
    :
}

# `doit clean` removes the files with DATA_DIR.
cleanup_database_sqlite() {
    :
}

# MySQL and MariaDB.

# _mysql STATEMENT: run it; the password is not on the command line
_mysql() {
    local client=mariadb
    type -P mariadb > /dev/null || client=mysql
    MYSQL_PWD=${DATABASE_PASSWORD-} "$client" --no-defaults --protocol=tcp -u"$DATABASE_USER" \
        -h"$(ipv6_unquote "${DATABASE_HOST:-127.0.0.1}")" ${DATABASE_PORT:+-P"$DATABASE_PORT"} -e "$1"
}

recreate_database_mysql() {
    _mysql "DROP DATABASE IF EXISTS $1;"
    _mysql "CREATE DATABASE $1 CHARACTER SET utf8;"
}

database_connection_url_mysql() {
    local plugin=''
    [[ ${MYSQL_GATHER_PERFORMANCE-} != True ]] || plugin='&plugin=dbcounter'
    echo "$(_base_sql_conn mysql)/$1?charset=utf8$plugin"
}

install_database_mysql() {
    if is_ubuntu; then
        install_package mariadb-server
    else
        install_package mariadb-server mariadb
    fi
}

install_database_python_mysql() {
    pip_install PyMySQL
}

configure_database_mysql() {
    echo_summary "Configuring and starting MySQL"
    start_service mariadb || start_service mysql
    sudo mysql -e "GRANT ALL PRIVILEGES ON *.* TO '$DATABASE_USER'@'%' IDENTIFIED BY '$DATABASE_PASSWORD' WITH GRANT OPTION;"
}

cleanup_database_mysql() {
    stop_service mariadb || stop_service mysql
}

# PostgreSQL.

recreate_database_postgresql() {
    PGPASSWORD=$DATABASE_PASSWORD dropdb -h "$(ipv6_unquote "$DATABASE_HOST")" -U "$DATABASE_USER" --if-exists "$1"
    PGPASSWORD=$DATABASE_PASSWORD createdb -h "$(ipv6_unquote "$DATABASE_HOST")" -U "$DATABASE_USER" -l C -T template0 -E utf8 "$1"
}

database_connection_url_postgresql() {
    echo "$(_base_sql_conn postgresql)/$1?client_encoding=utf8"
}

install_database_postgresql() {
    install_package postgresql
}

install_database_python_postgresql() {
    pip_install_gr psycopg2
}

# configure_database_postgresql: start the distribution's server and make our account, which it lets in at 127.0.0.1
configure_database_postgresql() {
    local -
    set +x
    echo_summary "Configuring and starting PostgreSQL"
    if is_fedora && ! sudo test -e /var/lib/pgsql/data/pg_hba.conf; then
        sudo postgresql-setup --initdb
    fi
    start_service postgresql
    # The password is not on the command line, and postgres may not enter every directory.
    (cd / && sudo -u postgres psql --no-psqlrc --quiet --set ON_ERROR_STOP=1) << END
SELECT 'CREATE ROLE "$DATABASE_USER"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$DATABASE_USER') \gexec
ALTER ROLE "$DATABASE_USER" WITH SUPERUSER LOGIN PASSWORD '${DATABASE_PASSWORD//\'/\'\'}';
END
}

cleanup_database_postgresql() {
    stop_service postgresql
}
