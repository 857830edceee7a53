#!/usr/bin/env bash
# function fake() { :; }
set -euo pipefail

readonly VERSION=1.0
export PATH="$HOME/bin:$PATH"
count=0
list=(a b c)
LANG=C sort file

usage() {
  cat <<-'END'
	in_heredoc() {
	END
  echo "${#list[@]} $(basename "$0") it's (fine)"
}

function deploy-all {
  local target=$1
  case "$target" in
    prod) echo ok ;;
    *) echo "fake() {" ;;
  esac
  inner() { :; }
}

function build::run() {
  x=$((1 << count))
  [[ $x =~ ^[0-9]+$ ]] && usage
}

main "$@"
