#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Versions, ranges and package URLs by the command line.
#
# usage: version.sh PRATIQUE
set -u

pratique=$1
failed=0

# gives CODE WORDS COMMAND...: the command ends with this code and prints this.
# shellcheck disable=SC2053 # the words may hold patterns
gives() {
	local code=$1 words=$2 out got
	shift 2
	out=$("$pratique" "$@" 2>&1)
	got=$?
	if [ "$got" = "$code" ] && [[ $out == $words ]]; then
		echo "ok: $*"
	else
		printf 'FAIL: %s\n%s (%s), not %s (%s)\n' "$*" "$out" "$got" "$words" "$code"
		failed=1
	fi
}

gives 0 '<' version-compare dpkg 1.0~rc1-1 1.0-1
gives 0 '<' version-compare deb 1.0~rc1-1 1.0-1
gives 0 '>' version-compare maven 1.10 1.9
gives 0 '=' version-compare --loose npm v1.2 1.2.0
gives 0 '<' version-compare gem 1.0.a 1.0
gives 2 '*not MAJOR.MINOR.PATCH*' version-compare npm 1.2 1.2.0
gives 2 '*no ecosystem "cobol"*' version-compare cobol 1 2
gives 2 '*' version-compare dpkg 1

gives 0 'inside' version-within 'vers:deb/>=1.0|<1.0-3' 1.0-2
gives 1 'outside' version-within 'vers:deb/>=1.0|<1.0-3' 1.0-3
gives 0 'vers:deb/>=1.0|<1.0-3' version-within 'vers:deb/<1.0-3|>=1.0'
gives 0 'vers:maven/>=1.0|<2.0' version-within 'maven:[1.0,2.0)'
gives 1 'outside' version-within 'npm:^1.2.3 || 3.x' 2.0.0
gives 1 'outside' version-within 'npm:^1.2.3' 1.3.0-beta
gives 0 'inside' version-within 'gem:~> 2.0.8' 2.0.9
gives 2 '*is no range*' version-within '>=1'
gives 2 '*no order here*' version-within 'cobol:1' 1
gives 2 '*' version-within 'vers:npm/>=1.0.0' one

gives 0 $'pkg:pypi/zope-interface@5.0\nPyPI: zope-interface, by the order of pypi' package-url pkg:PyPI/Zope.Interface@5.0
gives 0 $'pkg:deb/debian/libcurl4@7.88.1?distro=bookworm&upstream=curl\nDebian:12: curl, by the order of dpkg' \
	package-url 'pkg:deb/debian/libcurl4@7.88.1?upstream=curl&distro=bookworm'
gives 0 $'pkg:maven/org.a/b@1\nMaven: org.a:b, by the order of maven' package-url pkg:maven/org.a/b@1
gives 1 $'pkg:npm/a\nnot judged: it names no version' package-url pkg:npm/a
gives 0 '{"purl":"pkg:gem/a@1","ecosystem":"RubyGems","name":"a","order":"gem"}' package-url --json pkg:gem/a@1
gives 2 '*' package-url pkg:swift/a@1

exit $failed
