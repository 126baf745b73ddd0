# SPDX-License-Identifier: ISC
# Completion of pratique(1) in fish. The program says itself what may follow; where it says nothing, file names.
complete -c pratique -a '(set -l words (commandline -opc); $words[1] complete $words[2..] (commandline -ct) 2>/dev/null)'
