#!/bin/sh
# Tests ask for the metadata with curl, and compare all that it prints.
for url; do :; done
printf %s "$(metadata "${url#http://169.254.169.254/latest/}")"
