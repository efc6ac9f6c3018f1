local dialogue = require "spec.support.dialogue"
local starttls = require "urlsock.starttls"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local good, changed, run = dialogue.good, dialogue.changed, dialogue.run
local tls = { cert = support.cert "server.pem", key = support.cert "server.key" }

-- The dialogue fails with that code, for good, and not a byte of a handshake has been sent.
local function fails(protocol, steps, code, pattern, options, ending)
  local answer, seen, a = run(protocol, steps, options, ending)
  assert.is_nil(answer[1])
  assert.equal(code, answer[3], answer[2])
  if pattern then assert.matches(pattern, answer[2]) end
  assert.is_nil(answer[2]:find "[^ -~]")
  assert.is_nil(seen:find("\22\3", 1, true))
  local _, message, again = a:write "secret"
  assert.equal(answer[2], message)
  assert.equal(code, again)
  assert.equal("closed stream", urlsock.type(a))
  return seen
end

describe("starttls with a protocol", function()
  for _, protocol in ipairs(starttls.protocols()) do
    local steps = good[protocol]

    it(protocol .. ": upgrades with a good server", function()
      local answer = run(protocol, steps, nil, "tls")
      assert(answer[1], answer[2])
      assert.is_true(answer[1]:info().tls)
    end)

    it(protocol .. ": upgrades between both sides of this library", function()
      local a, b = assert(urlsock.pair())
      local client, server = support.together(function()
        assert(a:starttls(support.with(support.client, { protocol = protocol })))
        a:write "hello\n"
        return a:read()
      end, function()
        assert(starttls.server(protocol, b, { tls = tls, name = "mail.test" }))
        b:write(b:read():upper(), "\n")
        return true
      end)
      assert.equal("HELLO", client[1])
      assert.is_true(server[1])
    end)

    it(protocol .. ": verifies the name", function()
      local answer, _, a = run(protocol, steps, { servername = "other.test" }, "tls")
      assert.is_nil(answer[1])
      assert.equal("verify", answer[3])
      assert.equal("verify", select(3, a:write "secret"))
    end)

    it(protocol .. ": refuses what comes behind the go-ahead", function()
      fails(protocol, changed(protocol, #steps, steps[#steps] .. "injected\r\n"), "injected",
        "injected")
    end)

    for i = 1, #steps do
      if steps[i] ~= "" then
        it(("%s: has one deadline for silence, step %d"):format(protocol, i), function()
          local began = urlsock.now()
          fails(protocol, changed(protocol, i, ""), "timeout", "timed out waiting for",
            { timeout = 0.1 })
          assert.is_true(urlsock.now() - began < 4)
        end)

        it(("%s: fails when the server leaves, step %d"):format(protocol, i), function()
          fails(protocol, changed(protocol, i, ""), "eof", nil, nil, "close")
          if #steps[i] > 1 then
            -- a command of telnet is read in parts
            local code = protocol == "telnet" and i == 1 and "eof" or "truncated"
            fails(protocol, changed(protocol, i, steps[i]:sub(1, -2)), code, nil, nil, "close")
          end
        end)

        it(("%s: bounds what it reads, step %d"):format(protocol, i), function()
          for _, flood in ipairs { ("x"):rep(100000), ("\r\n"):rep(50000), ("\0"):rep(100000),
            (steps[i]:match "^[^\r]*\r\n" or "<x>"):rep(9999) } do
            local answer = run(protocol, changed(protocol, i, flood), { timeout = 5 })
            assert.is_nil(answer[1])
            assert.is_true(answer[3] == "limit" or answer[3] == "starttls" or
              answer[3] == "injected", answer[2])
          end
        end)
      end
    end
  end
end)

-- protocol, step, what is said in its place, code, pattern of the message
local hostile = {
  { "smtp", 1, "554 5.3.2 go away\r\n", "starttls", "the greeting was '554 5.3.2 go away'" },
  { "smtp", 1, "250 x\r\n", "starttls" },
  { "smtp", 1, "220-x\r\n250 y\r\n", "starttls" },
  { "smtp", 1, "220x\r\n", "starttls" },
  { "smtp", 1, "22 x\r\n", "starttls" },
  { "smtp", 1, "+OK x\r\n", "starttls" },
  { "smtp", 1, "220 x\n", "starttls" },
  { "smtp", 1, "220 x\r\r\n", "starttls" },
  { "smtp", 1, "220 x\0y\r\n", "starttls" },
  { "smtp", 1, "220 x\27[2J\r\n", "starttls", "220 x.%[2J" },
  { "smtp", 1, "\r\n", "starttls" },
  { "smtp", 1, "220 x\r\n250-x\r\n250 STARTTLS\r\n", "injected", "before the question" },
  { "smtp", 1, "220 x\r\n220 go\r\n", "injected" },
  { "smtp", 1, "554 " .. ("long "):rep(500) .. "\r\n", "starttls", "long l%.%.%.'$" },
  { "smtp", 2, "250 x\r\n", "starttls", "does not offer" },
  { "smtp", 2, "250-x\r\n250-XXXXTLS\r\n250 SIZE\r\n", "starttls", "does not offer" },
  { "smtp", 2, "250 STARTTLS\r\n", "starttls", "does not offer" },
  { "smtp", 2, "250-x\r\n250 STARTTLSX\r\n", "starttls", "does not offer" },
  { "smtp", 2, "250-x\r\n250 AUTH STARTTLS\r\n", "starttls", "does not offer" },
  { "smtp", 2, "250-x\r\n220 STARTTLS\r\n", "starttls" },
  { "smtp", 2, "250-x\r\n-STARTTLS\r\n250 y\r\n", "starttls" },
  { "smtp", 2, "250-x\r\n250+STARTTLS\r\n", "starttls" },
  { "smtp", 2, "502 what\r\n", "starttls" },
  { "smtp", 2, "250-x\r\n250 STARTTLS\r\n220 go\r\n", "injected", "before the question" },
  { "smtp", 3, "454 4.7.0 not now\r\n", "starttls", "STARTTLS was '454 4.7.0 not now'" },
  { "smtp", 3, "221 bye\r\n", "starttls" },
  { "smtp", 3, "250 go\r\n", "starttls" },
  { "smtp", 3, "2200 go\r\n", "starttls" },
  { "smtp", 3, "220-go\r\n454 no\r\n", "starttls" },
  { "smtp", 3, "220 go\n", "starttls" },
  { "smtp", 3, "220 go\r\n\r\n", "injected" },
  { "smtp", 3, "220 go\r\n250 x\r\n250 y\r\n", "injected" },
  { "smtp", 3, "220 go\r\n\0", "injected" },
  { "smtp", 3, "454 no\r\n220 go\r\n", "starttls" },
  { "lmtp", 2, "250-x\r\n250 PIPELINING\r\n", "starttls", "does not offer" },
  { "lmtp", 3, "454 no\r\n", "starttls" },

  { "imap", 1, "* PREAUTH welcome\r\n", "starttls", "PREAUTH" },
  { "imap", 1, "* preauth welcome\r\n", "starttls" },
  { "imap", 1, "* BYE go away\r\n", "starttls", "go away" },
  { "imap", 1, "* NO x\r\n", "starttls" },
  { "imap", 1, "* OKAY x\r\n", "starttls" },
  { "imap", 1, "a1 OK x\r\n", "starttls" },
  { "imap", 1, "OK x\r\n", "starttls" },
  { "imap", 1, "* 1 EXISTS\r\n", "starttls" },
  { "imap", 1, "+ x\r\n", "starttls" },
  { "imap", 1, "* OK x\r\na1 OK done\r\na2 OK go\r\n", "injected" },
  { "imap", 1, "* OK [CAPABILITY STARTTLS] x\r\n* PREAUTH\r\n", "injected" },
  { "imap", 2, "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n", "starttls", "does not offer" },
  { "imap", 2, "a1 OK [CAPABILITY STARTTLS] done\r\n", "starttls", "does not offer" },
  { "imap", 2, "* OK CAPABILITY STARTTLS\r\na1 OK done\r\n", "starttls", "does not offer" },
  { "imap", 2, "* CAPABILITY XSTARTTLS STARTTLSX\r\na1 OK done\r\n", "starttls", "not offer" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\na2 OK done\r\n", "starttls", "'a2 OK done'" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\nA1 OK done\r\n", "starttls" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\na1OK done\r\n", "starttls" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\na1 NO done\r\n", "starttls" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\na1 BAD done\r\n", "starttls" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\n* PREAUTH x\r\na1 OK x\r\n", "starttls", "PREAUTH" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\n* BYE x\r\na1 OK x\r\n", "starttls", "BYE" },
  { "imap", 2, "* CAPABILITY STARTTLS {3}\r\nabc\r\na1 OK x\r\n", "starttls" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\na1 OK x\r\na2 OK go\r\n", "injected" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\n* LIST () \"/\" x\r\na1 OK x\r\n", "starttls", "LIST" },
  { "imap", 2, "* CAPABILITY STARTTLS\r\n\r\na1 OK x\r\n", "starttls" },
  { "imap", 3, "* 1 EXISTS\r\na2 OK go\r\n", "starttls", "EXISTS" },
  { "imap", 3, "* FLAGS (x)\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "* SEARCH 1\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "* STATUS x (MESSAGES 1)\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "* 1 FETCH (BODY[] {5}\r\nhello)\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "* OK [ALERT] x\r\n* BYE [REFERRAL imap://x/] y\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "* OK go\r\n", "timeout", nil, { timeout = 0.1 } },
  { "imap", 3, "* OK go\r\na2 NO not now\r\n", "starttls", "a2 NO not now" },
  { "imap", 3, "a1 OK go\r\n", "starttls", "'a1 OK go'" },
  { "imap", 3, "a2 NO no\r\n", "starttls", "'a2 NO no'" },
  { "imap", 3, "a2 BAD no\r\n", "starttls" },
  { "imap", 3, "a2 PREAUTH go\r\n", "starttls" },
  { "imap", 3, "a2\r\n", "starttls" },
  { "imap", 3, "+ go\r\n", "starttls" },
  { "imap", 3, "* PREAUTH x\r\na2 OK go\r\n", "starttls" },
  { "imap", 3, "a2 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n", "injected" },
  { "imap", 3, "a2 OK go\r\n* OK x\r\na3 OK in\r\n", "injected" },

  { "pop3", 1, "-ERR go away\r\n", "starttls", "go away" },
  { "pop3", 1, "+OKAY\r\n", "starttls" },
  { "pop3", 1, "+ok x\r\n", "starttls" },
  { "pop3", 1, "* OK x\r\n", "starttls" },
  { "pop3", 1, "+OK x\n", "starttls" },
  { "pop3", 1, "+OK x\r\n+OK\r\nSTLS\r\n.\r\n", "injected" },
  { "pop3", 2, "-ERR what\r\n", "starttls", "does not offer" },
  { "pop3", 2, "+OK\r\nUSER\r\n.\r\n", "starttls", "does not offer" },
  { "pop3", 2, "+OK STLS\r\n.\r\n", "starttls", "does not offer" },
  { "pop3", 2, "+OK\r\nXSTLS\r\nSTLSX\r\nUSER STLS\r\n.\r\n", "starttls", "does not offer" },
  { "pop3", 2, "+OK\r\n.\r\nSTLS\r\n.\r\n", "starttls", "does not offer" },
  { "pop3", 2, "STLS\r\n.\r\n", "starttls" },
  { "pop3", 2, "+OK\r\nSTLS\r\n.\r\n+OK go\r\n", "injected" },
  { "pop3", 2, "+OK\r\nSTLS\r\n", "timeout", nil, { timeout = 0.1 } },
  { "pop3", 2, "+OK\r\nSTLS\r\n.\n", "starttls" },
  { "pop3", 3, "-ERR no\r\n", "starttls", "STLS was '%-ERR no'" },
  { "pop3", 3, "-ERR no\r\n+OK go\r\n", "starttls" },
  { "pop3", 3, "+ go\r\n", "starttls" },
  { "pop3", 3, "+OKgo\r\n", "starttls" },
  { "pop3", 3, "OK\r\n", "starttls" },
  { "pop3", 3, "+OK go\r\n+OK in\r\n", "injected" },
  { "pop3", 3, "+OK go\r\n \r\n", "injected" },

  { "ftp", 1, "421 full\r\n", "starttls", "421 full" },
  { "ftp", 1, "220-x\r\n230 y\r\n", "starttls" },
  { "ftp", 1, "120 soon\r\n421 no\r\n", "starttls" },
  { "ftp", 1, "220 x\r\n234 go\r\n", "injected" },
  { "ftp", 2, "534 no\r\n", "starttls", "AUTH TLS was '534 no'" },
  { "ftp", 2, "334 go\r\n", "starttls" },
  { "ftp", 2, "234-go\r\n", "timeout", nil, { timeout = 0.1 } },
  { "ftp", 2, "234-go\r\n530 no\r\n", "starttls" },
  { "ftp", 2, "234 go\r\n230 in\r\n", "injected" },

  { "nntp", 1, "400 no\r\n", "starttls" },
  { "nntp", 1, "202 x\r\n", "starttls" },
  { "nntp", 2, "500 what\r\n", "starttls", "does not offer" },
  { "nntp", 2, "101 x\r\nREADER\r\n.\r\n", "starttls", "does not offer" },
  { "nntp", 2, "480 no\r\n", "starttls" },
  { "nntp", 3, "580 no\r\n", "starttls", "580 no" },
  { "nntp", 3, "382-go\r\n382 go\r\n", "starttls" },
  { "nntp", 3, "382 go\r\n200 x\r\n", "injected" },

  { "sieve", 1, '"SASL" ""\r\nOK\r\n', "starttls", "does not offer" },
  { "sieve", 1, '"X" "STARTTLS"\r\nOK\r\n', "starttls", "does not offer" },
  { "sieve", 1, '"X" {10}\r\n"STARTTLS"\r\nOK\r\n', "starttls" },
  { "sieve", 1, '"X" {99999999}\r\nOK\r\n', "starttls" },
  { "sieve", 1, 'BYE "go away"\r\n', "starttls", "go away" },
  { "sieve", 1, "STARTTLS\r\nOK\r\n", "starttls" },
  { "sieve", 1, '"STARTTLS"\r\nOK\r\nOK\r\n', "injected" },
  { "sieve", 2, 'NO "no"\r\n', "starttls", "NO \"no\"" },
  { "sieve", 2, "NO {4}\r\nOK\r\n\r\n", "starttls" },
  { "sieve", 2, "OKAY\r\n", "starttls" },
  { "sieve", 2, 'OK\r\n"SASL" "PLAIN"\r\nOK\r\n', "injected" },

  { "irc", 2, ":x 421 * CAP :what\r\n", "starttls", "does not offer" },
  { "irc", 2, ":x PONG x :tls\r\n", "starttls", "does not offer" },
  { "irc", 2, ":x CAP * LS :sasl xtls\r\n", "starttls", "does not offer" },
  { "irc", 2, ":x CAP * NAK :tls\r\n", "starttls" },
  { "irc", 2, ":x NOTICE * :670 tls\r\n", "timeout", nil, { timeout = 0.1 } },
  { "irc", 2, "ERROR :go away\r\n", "starttls", "go away" },
  { "irc", 3, ":x 691 * :no\r\n", "starttls", "691" },
  { "irc", 3, ":x 6700 * :go\r\n", "starttls" },
  { "irc", 3, ":670 * :go\r\n", "starttls" },
  { "irc", 3, ":x NOTICE 670 :go\r\n", "timeout", nil, { timeout = 0.1 } },
  { "irc", 3, ":x 670 * :go\r\n:x 001 me :hello\r\n", "injected" },

  { "xmpp", 2, "<stream:stream>", "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("version='1.0' x", "version='0.9' x")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("etherx", "ethery")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("xmpp%-tls", "xmpp-tsl")), "starttls", "does not offer" },
  { "xmpp", 2, (good.xmpp[2]:gsub("(<starttls.*</starttls>)", "<!-- %1 -->")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("(<starttls.*</starttls>)", "<x>%1</x>")), "starttls",
    "does not offer" },
  { "xmpp", 2, (good.xmpp[2]:gsub("(<starttls.*</starttls>)", "<x y='%1'/>")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("<starttls", "<!DOCTYPE x><starttls")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("</starttls>", "</started>")), "starttls" },
  { "xmpp", 2, (good.xmpp[2]:gsub("<stream:features>.*", "<stream:error><host-unknown " ..
    "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")), "starttls",
    "host%-unknown" },
  { "xmpp", 2, good.xmpp[2] .. good.xmpp[3], "injected", "before the question" },
  { "xmpp", 3, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "starttls", "failure" },
  { "xmpp", 3, "<proceed/>", "starttls" },
  { "xmpp", 3, "<proceed xmlns='jabber:client'/>", "starttls" },
  { "xmpp", 3, "x" .. good.xmpp[3], "starttls" },
  { "xmpp", 3, (good.xmpp[3]:gsub("/>", "><failure/></proceed>")), "starttls" },
  { "xmpp", 3, (good.xmpp[3]:gsub("/>", ">")), "timeout", nil, { timeout = 0.1 } },
  { "xmpp", 3, good.xmpp[3] .. "<stream:features/>", "injected" },
  { "xmpp", 3, good.xmpp[3] .. "\n", "injected" },

  { "ldap", 2, "\48\12\2\1\1\120\7\10\1\2\4\0\4\0", "starttls", "protocolError" },
  { "ldap", 2, "\48\19\2\1\1\120\14\10\1\52\4\0\4\7not now", "starttls", "unavailable: not now" },
  { "ldap", 2, "\48\12\2\1\2\120\7\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\0\120\7\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\1\97\7\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\1\120\6\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\1\120\8\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\1\120\7\2\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\12\2\1\1\120\7\10\1\0\4\1\4\0", "starttls" },
  { "ldap", 2, "\48\15\2\1\1\120\10\10\1\0\4\0\4\0\138\1x", "starttls" },
  { "ldap", 2, "\48\128\2\1\1\120\7\10\1\0\4\0\4\0\0\0", "starttls" },
  { "ldap", 2, "\48\132\127\255\255\255\2", "limit" },
  { "ldap", 2, "\48\133\0\0\0\0\12\2\1\1\120", "starttls" },
  { "ldap", 2, "\49\12\2\1\1\120\7\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\11\2\1\1\120\7\10\1\0\4\0\4\0", "starttls" },
  { "ldap", 2, "\48\13\2\1\1\120\7\10\1\0\4\0\4\0", "timeout", nil, { timeout = 0.1 } },
  { "ldap", 2, "\48\12\2\1\1\120\7\10\1\0\4\0\4\0\48\12", "injected" },

  { "postgres", 2, "N", "starttls", "does not offer" },
  { "postgres", 2, "s", "starttls" },
  { "postgres", 2, "\0", "starttls" },
  { "postgres", 2, "E\0\0\0\28SFATAL\0C08P01\0Mgo away\0\0", "starttls", "go away" },
  { "postgres", 2, "E\0\0\0\2", "starttls" },
  { "postgres", 2, "E\127\255\255\255", "limit" },
  { "postgres", 2, "SR\0\0\0\8\0\0\0\0", "injected" },
  { "postgres", 2, "SN", "injected" },

  { "mysql", 1, good.mysql[1]:sub(1, 3) .. "\1" .. good.mysql[1]:sub(5), "starttls" },
  { "mysql", 1, dialogue.mysql("\255\247", "\8\0"), "starttls", "does not offer" },
  { "mysql", 1, dialogue.mysql("\255\253", "\8\0"), "starttls" },
  { "mysql", 1, dialogue.mysql("\255\127", "\8\0"), "starttls" },
  { "mysql", 1, "\10\0\0\0\255\16\4Too many", "starttls", "1040 Too man" },
  { "mysql", 1, "\0\0\0\0", "starttls" },
  { "mysql", 1, "\255\255\255\0", "limit" },
  { "mysql", 1, "\4\0\0\0\10x\0\1", "starttls" },
  { "mysql", 1, "\4\0\0\0\9xyz", "starttls" },
  { "mysql", 1, good.mysql[1] .. "\7\0\0\2\0\0\0\2\0\0\0", "injected" },

  { "telnet", 2, "\255\254\46", "starttls", "does not offer" },
  { "telnet", 2, "login: ", "starttls", "login: " },
  { "telnet", 1, "\255\250\46\1\255\240", "starttls" },
  { "telnet", 1, "\255\251\46", "starttls" },
  { "telnet", 2, "\255\250\46\2\255\240", "starttls" },
  { "telnet", 2, "\255\250\37\1\255\240", "starttls" },
  { "telnet", 2, "\255\241", "starttls" },
  { "telnet", 2, "\255\250\46\1\255\240login: ", "injected" },
}

describe("a hostile server", function()
  for i, case in ipairs(hostile) do
    local protocol, at, step, code, pattern, options =
      case[1], case[2], case[3], case[4], case[5], case[6]
    it(("%s, %d: '%s' is %s"):format(protocol, i, step:sub(1, 60):gsub("[^ -~]", "."), code),
      function()
        fails(protocol, changed(protocol, at, step), code, pattern, options)
      end)
  end

  it("does not keep us busy with an error that has no end", function()
    local began = os.clock()
    fails("postgres", changed("postgres", 2, "E\0\0\32\0" .. ("a"):rep(8188)), "starttls", "aaaa")
    assert.is_true(os.clock() - began < 0.5)
  end)

  it("does not extend the deadline with a trickle", function()
    local a, b = assert(urlsock.pair())
    local began, over = urlsock.now(), false
    local client = support.together(function()
      local s, message, code =
        a:starttls(support.with(support.client, { protocol = "smtp", timeout = 0.2 }))
      over = true
      return s, message, code
    end, function()
      local sent = 0
      while not over do
        if urlsock.now() > began + sent * 0.01 then
          b:write "220-x\r\n"
          sent = sent + 1
        end
        coroutine.yield()
      end
    end)
    assert.equal("timeout", client[3])
    assert.is_true(urlsock.now() - began < 4)
  end)

  it("may not have offered what it was asked for: optional", function()
    for protocol, step in pairs {
      smtp = "250 x\r\n", lmtp = "250 x\r\n", pop3 = "-ERR what\r\n", nntp = "500 what\r\n",
      imap = "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n", ftp = "500 what\r\n",
      postgres = "N",
    } do
      local answer, seen, a, b =
        run(protocol, changed(protocol, 2, step), { optional = true })
      assert.equal(a, answer[1])
      assert.is_false(a:info().tls)
      assert.is_nil(seen:find("\22\3", 1, true))
      b:write "still here\r\n"
      assert.equal("still here", a:read())
    end
    local answer = run("sieve", { "OK\r\n" }, { optional = true })
    assert.is_false(answer[1]:info().tls)
    answer = run("mysql", { dialogue.mysql("\255\247", "\8\0") }, { optional = true })
    assert.is_false(answer[1]:info().tls)
    assert.equal("12345678123456789012", answer[2].challenge)
    assert.equal(1, answer[2].sequence)
  end)

  it("is refused for all else, optional or not", function()
    for _, case in ipairs {
      { "smtp", 2, "502 what\r\n" }, { "smtp", 3, "454 not now\r\n" },
      { "imap", 1, "* PREAUTH x\r\n" }, { "imap", 3, "a2 BAD no\r\n" },
      { "pop3", 3, "-ERR no\r\n" }, { "nntp", 3, "580 no\r\n" }, { "sieve", 2, "NO\r\n" },
      { "postgres", 2, "E\0\0\0\7Mx\0" },
    } do
      fails(case[1], changed(case[1], case[2], case[3]), "starttls", nil, { optional = true })
    end
    fails("ftp", { "220 x\r\n", "211-x\r\n AUTH TLS\r\n211 y\r\n", "534 no\r\n" },
      "starttls", nil, { optional = true })
    local answer = run("smtp", good.smtp, { optional = true, servername = "other.test" }, "tls")
    assert.equal("verify", answer[3])
  end)

  it("gets its words into the message, made harmless", function()
    local answer = run("smtp", { "554 \27]0;x\7 \195\164\r\n" })
    assert.matches("%.%]0;x%. %.%.'$", answer[2])
  end)
end)

describe("starttls as a client", function()
  it("is asked for in connect, with one deadline and the name of the URL", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local port = urlsock.parse(l:localname()).port
    local ca = { ca = support.cert "ca.pem" }
    local client = support.together(function()
      local s = assert(urlsock.connect("localhost", port, { starttls = "imap", tls = ca }))
      local t, _, code = urlsock.connect("localhost", port, { starttls = { protocol = "imap" },
        tls = { ca = ca.ca, servername = "other.test" } })
      return s:read(), t, code
    end, function()
      local s = assert(starttls.server("imap", assert(l:accept()), { tls = tls }))
      s:write "* hello\r\n"
      starttls.server("imap", assert(l:accept()), { tls = tls })
    end)
    assert.same({ "* hello", nil, "verify" }, client)
    local began = urlsock.now()
    local s, message, code =
      urlsock.connect("localhost", port, { starttls = "imap", timeout = 0.1, tls = ca })
    assert.is_nil(s)
    assert.equal("timeout", code)
    assert.matches("^tcp://localhost:%d+: starttls imap: timed out", message)
    assert.is_true(urlsock.now() - began < 4)
    l:close()
  end)

  it("says who it is, or its address", function()
    local _, seen = run("smtp", { "220 x\r\n", "500 what\r\n" }, { name = "me.test" })
    assert.equal("EHLO me.test\r\n", seen)
    _, seen = run("smtp", { "220 x\r\n", "500 what\r\n" })
    assert.equal("EHLO localhost\r\n", seen)
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local _, server = support.together(function()
      urlsock.connect(l:localname(), { starttls = "smtp" })
    end, function()
      local s = assert(l:accept())
      s:write "220 x\r\n"
      local line = s:read()
      s:close()
      return line
    end)
    assert.same({ "EHLO [127.0.0.1]" }, server)
    l:close()
  end)

  it("skips a greeting that was read already", function()
    for _, protocol in ipairs { "smtp", "lmtp", "pop3", "imap", "ftp", "nntp" } do
      local steps = { "" }
      for i = 2, #good[protocol] do steps[i] = good[protocol][i] end
      local answer = run(protocol, steps, { greeted = true }, "tls")
      assert(answer[1], answer[2])
    end
    local answer = run("sieve", { "", good.sieve[1], good.sieve[2] }, { greeted = true }, "tls")
    assert(answer[1], answer[2])
  end)

  it("verifies the domain of XMPP, not the host", function()
    local answer, seen = run("xmpp", good.xmpp, { domain = "mail.test", servername = nil }, "tls")
    assert(answer[1], answer[2])
    assert.matches("to='mail.test'", seen)
    local a, b = assert(urlsock.pair())
    local client = support.together(function()
      return a:starttls { protocol = "xmpp", domain = "other.test", ca = support.cert "ca.pem" }
    end, function()
      return starttls.server("xmpp", b, { tls = tls })
    end)
    assert.equal("verify", client[3])
  end)

  it("hands out what a MySQL login needs", function()
    local answer = run("mysql", good.mysql, { capabilities = 0x200 + 0x8 }, "tls")
    assert(answer[1], answer[2])
    local greeting = answer[2]
    assert.equal("12345678123456789012", greeting.challenge)
    assert.equal("mysql_native_password", greeting.plugin)
    assert.equal("5.5.5-x", greeting.version)
    assert.equal(0x800 + 0x200 + 0x8, greeting.flags)
    assert.equal(2, greeting.sequence)
    assert.equal(good.mysql[1]:sub(5), greeting.packet)
  end)

  it("sends exactly the packets of the binary protocols", function()
    local function sent(protocol, steps)
      local _, seen = run(protocol, steps, { timeout = 0.2 })
      return (seen:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
    end
    assert.equal("0000000804d2162f", sent("postgres", { "", "" }))
    assert.equal("301d02010177188016" .. ("1.3.6.1.4.1.1466.20037"):gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end), sent("ldap", { "", "" }))
    assert.equal("fffb2efffa2e01fff0", sent("telnet", { "", "" }))
    assert.equal("20000001" .. "05aa0800" .. "00000001" .. "2d" .. ("00"):rep(23),
      sent("mysql", { good.mysql[1] }):sub(1, 72))
  end)

  it("harms nothing under TLS, or while another call is under way", function()
    local answer, _, a, b = run("smtp", good.smtp, nil, "tls")
    local s, _, code = answer[1]:starttls { protocol = "smtp", ca = support.cert "ca.pem" }
    assert.is_nil(s)
    assert.equal("tls", code)
    b:write "hello\n"
    assert.equal("hello", a:read())

    local c, d = assert(urlsock.pair())
    local reader, starter = support.together(function()
      return c:read()
    end, function()
      local busy = select(3, c:starttls { protocol = "smtp", ca = support.cert "ca.pem" })
      d:write "hello\n"
      return busy
    end)
    assert.same({ "hello" }, reader)
    assert.same({ "busy" }, starter)
  end)

  it("keeps other coroutines out of the dialogue", function()
    local a, b = assert(urlsock.pair())
    local began = false
    local client, other = support.together(function()
      began = true
      return a:starttls(support.with(support.client, { protocol = "smtp" }))
    end, function()
      while not began do coroutine.yield() end
      return select(3, a:write "secret"), select(3, a:read())
    end, function()
      assert(starttls.server("smtp", b, { tls = tls }))
    end)
    assert(client[1], client[2])
    assert.same({ "busy", "busy" }, other)
  end)

  it("raises for options that make no sense", function()
    local a = assert(urlsock.pair())
    for _, case in ipairs {
      { { protocol = "gopher" }, "unknown protocol 'gopher'" },
      { { protocol = "../smtp" }, "unknown protocol" },
      { { name = "x" }, "goes with a protocol" },
      { { protocol = "imap", name = "x" }, "option 'name' does not go with imap" },
      { { protocol = "irc", optional = true }, "'optional' does not go with irc" },
      { { protocol = "ldap", optional = true }, "does not go with ldap" },
      { { protocol = "xmpp", optional = true }, "does not go with xmpp" },
      { { protocol = "smtp", name = "x\r\nMAIL" }, "host name expected" },
      { { protocol = "smtp", name = "x y" }, "host name expected" },
      { { protocol = "smtp", name = "" }, "host name expected" },
      { { protocol = "smtp", name = "x\0" }, "host name expected" },
      { { protocol = "xmpp", domain = "x' y='" }, "host name expected" },
      { { protocol = "xmpp", domain = 'x"' }, "host name expected" },
      { { protocol = "xmpp", domain = "x>" }, "host name expected" },
      { { protocol = "smtp", role = "server", optional = true }, "on the server's side" },
      { { protocol = "smtp", tls = {}, ca = "x" }, "tls options beside tls" },
      { { protocol = "smtp", nonsense = 1 }, "unknown option 'nonsense'" },
    } do
      local ok, message = pcall(a.starttls, a, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message, nil, true)
    end
    -- the message points at the call
    local _, message = pcall(function() a:starttls { protocol = "gopher" } end)
    assert.matches("starttls_spec.lua:%d+:", message)
    assert.equal("stream", urlsock.type(a))
    for _, given in ipairs { "gopher", { name = "x" }, { protocol = "smtp", ca = "x" }, {}, 1 } do
      assert.is_false(pcall(urlsock.connect, "tcp://127.0.0.1:1", { starttls = given }))
    end
    assert.is_false(pcall(urlsock.listen, "tcp://127.0.0.1:0", { starttls = "smtp" }))
    assert.is_false(pcall(urlsock.adopt, 0, { starttls = "smtp" }))
    assert.is_false(pcall(starttls.server, "smtp", a, { ca = "x" }))
    for i, given in ipairs { { nil, a, { tls = tls } }, { "smtp", {} }, { "smtp", a, a } } do
      _, message = pcall(starttls.server, given[1], given[2], given[3])
      assert.matches(("bad argument #%d to 'server'"):format(i), message)
    end
    for url, code in pairs {
      ["tls://127.0.0.1:1"] = "url", ["udp://127.0.0.1:1"] = "url", ["tcp://127.0.0.1:1"] = "tls",
    } do
      assert.equal(code, select(3, urlsock.connect(url, { starttls = "smtp",
        tls = { ca = "/nonexistent" } })))
    end
  end)
end)

-- Words with some bytes of them changed, doubled, dropped or added.
local function mutated(words)
  for _ = 1, math.random(3) do
    local at, to = math.random(#words + 1), math.random(#words + 1)
    local byte = string.char(math.random(0, 255))
    local middle = ({ byte, "", byte .. words:sub(at, at), words:sub(to, to + 8) })[math.random(4)]
    words = words:sub(1, at - 1) .. middle .. words:sub(at + 1)
  end
  return words
end

describe("a server that talks nonsense", function()
  for _, protocol in ipairs(starttls.protocols()) do
    it("makes the dialogue fail, and nothing else: " .. protocol, function()
      math.randomseed(7)
      local steps, codes = good[protocol], "eof truncated reset limit starttls injected "
      for _ = 1, 150 do
        local at = math.random(#steps)
        if steps[at] == "" then at = #steps end
        local step = mutated(steps[at])
        local answer, seen = run(protocol, changed(protocol, at, step), nil, "close")
        assert.is_nil(answer[1])
        -- where nonsense was sense, the client has begun a handshake
        if not seen:find("\22\3", 1, true) and not answer[2]:find "handshake" then
          assert.is_truthy(codes:find(answer[3] .. " ", 1, true), answer[2])
        end
      end
    end)
  end
end)

-- Says words to our side, and leaves when it has heard a pattern. Our side's answer, all that it
-- said, and its stream.
local function serve(protocol, words, pattern, seconds)
  local a, b = assert(urlsock.pair())
  local over, heard = false, ""
  local server = support.together(function()
    local s, message, code = starttls.server(protocol, a, { tls = tls, timeout = seconds or 5 })
    over = true
    return s, message, code
  end, function()
    b:settimeout(5)
    b:write(words)
  end, function()
    b:settimeout(0)
    while not (pattern and heard:find(pattern)) do
      local more, _, code = b:read(-4096)
      heard = heard .. (more or "")
      if not more and (over or code ~= "timeout") then break end
      coroutine.yield()
    end
    b:close()
  end)
  return server, heard, a
end

-- What a TLS client sends first.
local function client_hello()
  local a, b = assert(urlsock.pair())
  a:settimeout(0)
  a:starttls(support.client)
  return assert(support.gather(b))
end

describe("starttls as a server", function()
  for protocol, request in pairs(dialogue.requests) do
    it(protocol .. ": refuses what is pipelined behind the request, unanswered", function()
      local server, heard, a = serve(protocol, request .. "EVIL\r\n")
      assert.is_nil(server[1])
      assert.equal("injected", server[3], server[2])
      assert.is_nil(heard:find "\22\3")
      assert.is_nil(heard:lower():find "begin" or heard:find "220 2.0.0" or heard:find "proceed")
      assert.equal("injected", select(3, a:write "x"))
    end)

    it(protocol .. ": takes a ClientHello that is pipelined", function()
      local _, heard = serve(protocol, request .. client_hello(), "\22\3")
      assert.matches("\22\3", heard)
    end)

    it(protocol .. ": has one deadline for all of it", function()
      local began = urlsock.now()
      local server = serve(protocol, request:sub(1, -2), nil, 0.1)
      assert.equal("timeout", server[3], server[2])
      assert.is_true(urlsock.now() - began < 4)
    end)

    it(protocol .. ": bounds what it takes", function()
      for _, flood in ipairs { ("x"):rep(100000), ("NOOP\r\n"):rep(5000), ("\0"):rep(100000) } do
        local server = serve(protocol, flood)
        assert.is_nil(server[1])
        assert.is_true(server[3] == "limit" or server[3] == "starttls" or
          (protocol == "postgres" and server[3] == "reset"), server[2])
      end
    end)
  end

  -- protocol, what is said in the clear, the pattern of the answer, code of the end
  for _, case in ipairs {
    { "smtp", "MAIL FROM:<x@y>\r\n", "530 5.7.0 Must issue a STARTTLS command first", "eof" },
    { "smtp", "EHLO x\r\n", "250%-STARTTLS\r\n", "eof" },
    { "smtp", "STARTTLS x\r\n", "501 ", "eof" },
    { "smtp", "QUIT\r\n", "221 ", "starttls" },
    { "smtp", "BDAT 10 LAST\r\nSTARTTLS\r\n", "421 ", "starttls" },
    { "smtp", "NOOP\n", "^220 [^\r]*\r\n$", "starttls" },
    { "smtp", "NOOP\rSTARTTLS\r\n", "^220 [^\r]*\r\n$", "starttls" },
    { "smtp", "NO\0OP\r\n", "^220 [^\r]*\r\n$", "starttls" },
    { "imap", "a LOGIN x y\r\n", "a NO %[PRIVACYREQUIRED%] must issue STARTTLS first", "eof" },
    { "imap", "a LOGIN {12+}\r\nb STARTTLS\r\n", "BYE", "starttls" },
    { "imap", "a LOGIN {12}\r\nb STARTTLS\r\n", "BYE", "starttls" },
    { "imap", "a STARTTLS x\r\n", "a BAD", "eof" },
    { "imap", "STARTTLS\r\n", "* BAD", "eof" },
    { "imap", "A/1]#$ NOOP\r\n", "\nA/1%]#%$ OK", "eof" },
    { "imap", "a+ NOOP\r\n", "* BAD", "eof" },
    { "imap", "a(1 NOOP\r\n", "* BAD", "eof" },
    { "imap", "a CAPABILITY\r\n", "STARTTLS LOGINDISABLED\r\na OK", "eof" },
    { "imap", "a LOGOUT\r\n", "* BYE.*a OK", "starttls" },
    { "pop3", "USER x\r\n", "%-ERR must issue STLS first", "eof" },
    { "pop3", "CAPA\r\n", "STLS\r\n", "eof" },
    { "pop3", "STLS x\r\n", "%-ERR", "eof" },
    { "ftp", "USER x\r\n", "530 must issue AUTH TLS first", "eof" },
    { "ftp", "AUTH GSSAPI\r\n", "504 ", "eof" },
    { "nntp", "AUTHINFO USER x\r\n", "483 must issue STARTTLS first", "eof" },
    { "sieve", 'AUTHENTICATE "PLAIN"\r\n', "NO %(ENCRYPT%-NEEDED%)", "eof" },
    { "sieve", 'PUTSCRIPT "x" {10+}\r\nSTARTTLS\r\n', "BYE", "starttls" },
    { "irc", "NICK me\r\n", " 451 %* :must issue STARTTLS first", "eof" },
    { "ldap", "\48\12\2\1\1\96\7\2\1\3\4\0\128\0", "must issue StartTLS first", "eof" },
    { "ldap", "\48\14\2\3\0\128\0\96\7\2\1\3\4\0\128\0", "^\48.\2\3%z\128%z\97", "eof" },
    { "ldap", "\48\5\2\1\1\66\0", "^$", "starttls" },
    { "postgres", "\0\0\0\15\0\3\0\0user\0x\0", "MTLS is required", "starttls" },
    { "mysql", "\36\0\0\1\5\162\8\0" .. ("\0"):rep(28) .. "me\0\0", "TLS is required",
      "starttls" },
    { "xmpp", good.xmpp[2]:match "^.-streams'>" .. "<auth/>", "policy%-violation", "starttls" },
    { "telnet", "\255\252\46", "^\255\253\46$", "starttls" },
  } do
    it(("%s: answers '%s'"):format(case[1], case[2]:gsub("[^ -~]", ".")), function()
      local server, heard = serve(case[1], case[2], case[4] == "eof" and case[3])
      assert.is_nil(server[1])
      assert.equal(case[4], server[3], server[2])
      assert.matches(case[3], heard)
    end)
  end

  it("does not look at a tag again for each > in a value", function()
    local began = os.clock()
    local server = serve("xmpp", "<a " .. ("b='' "):rep(1200) .. "c='" .. (">"):rep(55000) .. "'/>")
    assert.equal("starttls", server[3])
    assert.is_true(os.clock() - began < 3)
  end)

  it("is what an accepted stream does with a protocol", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local client = support.together(function()
      return assert(urlsock.connect(l:localname(), { starttls = "pop3",
        tls = { ca = support.cert "ca.pem" } })):read()
    end, function()
      local s = assert(assert(l:accept()):starttls { protocol = "pop3", tls = tls })
      s:write "hello\n"
    end)
    assert.same({ "hello" }, client)
    l:close()
  end)
end)
