#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The life of a repository's keys by the command line: made, drawn up into a root by one, signed by several where their keys are,
# put together, rotated and revoked; and an index that is published by them. What is refused is refused with its reason.
#
# usage: vuln_keys.sh PRATIQUE
set -u

pratique=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/pq-keys.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# says WORDS COMMAND...: it succeeds and prints WORDS. refuses WORDS COMMAND...: it ends with 1 and says WORDS.
says() {
	local words=$1 out
	shift
	out=$("$pratique" vuln "$@" 2>&1) && grep -qF -e "$words" <<<"$out" && return
	printf 'FAILED: vuln %s\n%s\n' "$*" "$out"
	failed=1
}
refuses() {
	local words=$1 out code
	shift
	out=$("$pratique" vuln "$@" 2>&1)
	code=$?
	[ $code = 1 ] && grep -qF -e "$words" <<<"$out" && return
	printf 'NOT REFUSED (%s): vuln %s\n%s\n' "$code" "$*" "$out"
	failed=1
}

(umask 077 && echo "a good long passphrase" >words && echo "another" >wrong)
says "holder alice" keys new --out alice --passphrase words
says "holder Bob B." keys new --out bob --holder "Bob B."
for name in carol vis vis2 stranger; do says "holder $name" keys new --out $name; done
refuses "is there already" keys new --out alice
[ "$(stat -c %a alice bob)" = $'600\n600' ] || { echo "FAILED: keys are not private"; failed=1; }
openssl pkey -pubin -in bob.pub -noout -text | grep -q ED25519 || { echo "FAILED: OpenSSL cannot read bob.pub"; failed=1; }

first=(--root-key alice.pub --root-key bob.pub --root-key carol.pub --index-key vis.pub)
refuses "threshold of 4" keys root --repository site.example "${first[@]}" --threshold 4 --out 1.root.json
refuses "no name of a repository" keys root --repository "a b" "${first[@]}" --threshold 2 --out 1.root.json
says "not signed yet" keys root --repository site.example "${first[@]}" --threshold 2 --out 1.root.json
cp 1.root.json bobs.json
refuses "passphrase" keys sign --key alice --passphrase wrong 1.root.json
refuses "alice: the key is encrypted, and its passphrase is not given: --passphrase FILE" keys sign --key alice 1.root.json
says "signed" keys sign --key alice --passphrase words 1.root.json
says "signed" keys sign --key bob bobs.json
says "the signature does not count" keys sign --key stranger 1.root.json
refuses "1 good signatures" publish --repository repository --root 1.root.json
says "by 2 of the 2 keys" keys assemble --out whole.json 1.root.json bobs.json
says "root 1 of site.example counts" publish --repository repository --root whole.json

mkdir advisories
cat >advisories/SITE-1.json <<'END'
{"id": "SITE-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Debian:12", "name": "tree"},
 "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]}
END
"$pratique" vuln index --out index own=advisories >/dev/null || failed=1
refuses "0 of them are given" publish --repository repository --index index --key vis2
says "1 put and 0 removed" publish --repository repository --index index --key vis
says '"repository": "site.example"' publish --repository repository --index index --key vis --json

refuses "threshold of 1" keys revoke --from whole.json --out 2.root.json vis
refuses 'no key of whole.json has the holder "nobody"' keys revoke --from whole.json --out 2.root.json nobody
says "root          2, epoch 2" keys rotate --from whole.json --index-key vis2.pub --out 2.root.json
says "signed" keys sign --key bob 2.root.json
refuses "1 good signatures" publish --repository repository --root 2.root.json
says "signed" keys sign --key carol 2.root.json
says "by 2 of the 2 that root 1 wants" keys show --from whole.json 2.root.json
cp -r repository old
cp 2.root.json old/
says "root 2 of site.example counts" publish --repository repository --root 2.root.json
refuses "root 2 is trusted already" publish --repository repository --root whole.json
refuses "0 of them are given" publish --repository repository --index index --key vis
says "generation 2." publish --repository repository --index index --key vis2
says "site.example: good" verify --root whole.json repository
says '"records":1' verify --root whole.json --json repository
refuses "(unsigned)" verify --root 2.root.json old
printf x >>repository/files/*.zst
refuses "(endless)" verify --root whole.json repository
# A root key goes; the epoch stays.
says "root          3, epoch 2" keys revoke --from 2.root.json --out 3.root.json "Bob B."
says "id" keys show vis.pub
# What is no public key is told apart, and a file is named once.
refuses "alice: a private key; its public one is wanted" keys show alice
refuses "alice: a private key" keys root --repository site.example --root-key alice --threshold 1 --index-key vis.pub --out 9.root.json
refuses "nothing: No such file" keys show nothing
once() {
	local out
	out=$("$pratique" vuln "$@" 2>&1) && { echo "FAILED: vuln $*"; failed=1; }
	[ "$(grep -o 'nothing[^ ]*:' <<<"$out" | wc -l)" = 1 ] || { echo "FAILED: vuln $*: $out"; failed=1; }
}
once publish --repository repository --root nothing.json
once keys assemble --out x.json nothing.json
exit $failed
