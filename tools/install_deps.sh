#!/usr/bin/env bash
# Installs the Debian packages that a purpose needs and that are not there yet. Names them first;
# does nothing, without asking for root, where everything is there.
#
#   tools/install_deps.sh engine test        install what is missing
#   tools/install_deps.sh --list engine      print the packages of a purpose
#
# Reasons for each package: docs/dependencies.md.
set -euo pipefail

# An entry `command=package` is satisfied by any program of that name in PATH, a plain `package`
# only by the package itself.
packages_of() {
  case "$1" in
    engine)
      echo "g++=g++ make=make cmake=cmake ninja=ninja-build pkg-config=pkg-config" \
        "libfmt-dev libspdlog-dev nlohmann-json3-dev libsimdjson-dev libpcre2-dev" \
        "libcli11-dev libedit-dev libboost1.81-dev libssl-dev libsqlite3-dev libxxhash-dev" \
        "prometheus-cpp-dev"
      ;;
    demo) echo "jq=jq" ;;
    train) echo "libtorch-dev libopenblas0-openmp libgloo-dev libtoml11-dev libssl-dev" ;;
    test) echo "libgtest-dev libgmock-dev libtoml11-dev libssl-dev jq=jq" ;;
    tokenizer) echo "npm=npm node=nodejs ca-certificates" ;;
    web) echo "npm=npm node=nodejs ca-certificates chromium=chromium" ;;
    lint) echo "clang-format-14 clang-tidy-14 shellcheck=shellcheck git=git" ;;
    sanitize) echo "clang-14 clang++=clang libclang-rt-14-dev" ;;
    bench) echo "libbenchmark-dev libdnnl-dev ocl-icd-opencl-dev" ;;
    coverage) echo "gcovr=gcovr python3=python3 clang-14 clang++=clang libclang-rt-14-dev llvm-cov=llvm" ;;
    *)
      echo "install_deps: no purpose '$1'; there are:" \
        "engine demo train test tokenizer web lint sanitize bench coverage" >&2
      return 2
      ;;
  esac
}

is_installed() {
  local entry=$1
  if [[ $entry == *=* ]]; then
    command -v "${entry%%=*}" > /dev/null
  else
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$entry" 2> /dev/null) == installed ]]
  fi
}

main() {
  local only_list=false
  if [[ ${1:-} == --list ]]; then
    only_list=true
    shift
  fi
  if [[ $# -eq 0 ]]; then
    echo "usage: tools/install_deps.sh [--list] PURPOSE..." >&2
    exit 2
  fi

  local purpose entries entry
  local -a missing=()
  for purpose in "$@"; do
    entries=$(packages_of "$purpose")
    for entry in $entries; do
      if $only_list; then
        echo "${entry#*=}"
      elif ! is_installed "$entry"; then
        missing+=("${entry#*=}")
      fi
    done
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    return
  fi

  if ! command -v apt-get > /dev/null; then
    echo "install_deps: these are missing, and there is no apt-get to install them: ${missing[*]}" >&2
    exit 1
  fi
  local -a as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo > /dev/null; then
      echo "install_deps: install these as root, then try again: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "Installing Debian packages for $*: ${missing[*]}"
  "${as_root[@]}" apt-get -q update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y install --no-install-recommends "${missing[@]}"
}

main "$@"
