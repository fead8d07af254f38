#!/bin/sh
# Tests ask for the metadata with curl.
for url; do :; done
exec metadata "${url#http://169.254.169.254/latest/}"
