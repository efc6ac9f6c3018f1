# Completion of urlsock(1) for bash.
_urlsock()
{
	local word=${2-${COMP_WORDS[COMP_CWORD]}} before=${3-${COMP_WORDS[COMP_CWORD-1]}}
	local options="--listen --keep --verbose --info --json --starttls --timeout --bind --via
		--no-shutdown --proxy-protocol --ca --cert --key --servername --alpn --pin
		--ciphers --protocols --insecure-noverifycert --insecure-noverifyname
		--insecure-noverifytime --days --help --version"
	local protocols="smtp lmtp pop3 imap ftp nntp sieve xmpp xmpp-server irc ldap postgres
		mysql telnet"
	local urls="tcp:// tls:// tlsv1.2:// tlsv1.3:// udp:// unix:// udg://"

	# bash splits words at = and :
	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD-2]}
	[ "$word" = = ] && word= before=${COMP_WORDS[COMP_CWORD-1]}
	case $before in
	--ca | --cert | --key)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null # blanks quoted, and a directory goes on
		;;
	--starttls) mapfile -t COMPREPLY < <(compgen -W "$protocols" -- "$word") ;;
	--protocols) mapfile -t COMPREPLY < <(compgen -W "tlsv1.2 tlsv1.3" -- "$word") ;;
	--via) mapfile -t COMPREPLY < <(compgen -W "socks5:// http:// https://" -- "$word") ;;
	--timeout | --bind | --servername | --alpn | --pin | --ciphers | --days) COMPREPLY=() ;;
	*)
		case $word in
		-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
		*) mapfile -t COMPREPLY < <(compgen -W "check $urls" -- "$word") ;;
		esac
		;;
	esac
	case ${COMPREPLY[0]-} in
	*://) compopt -o nospace 2>/dev/null ;;
	esac
}
complete -F _urlsock urlsock
