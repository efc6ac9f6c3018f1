-- Real servers: from a URL to a verified stream, then a command; TLS switched off; another name.
local bytes = require "urlsock.starttls.bytes"
local kit = require "spec.interop.kit"
local urlsock = require "urlsock"

-- Sends a line, and reads to the line that ends the answer.
local function ask(s, line, last)
  if line then assert(s:write(line, "\r\n")) end
  local text
  repeat text = assert(s:read()) until text:find(last)
  return text
end

local function mail(hello)
  return function(s)
    ask(s, hello .. " me.test", "^250 ")
    ask(s, "MAIL FROM:<me@mail.test>", "^250 ")
    ask(s, "RCPT TO:<you@mail.test>", "^250 ")
    ask(s, "DATA", "^354 ")
    ask(s, "Subject: hello\r\n\r\nover tls\r\n.", "^250 ")
    ask(s, "QUIT", "^221 ")
  end
end

local function imap(s)
  ask(s, "b1 CAPABILITY", "^b1 OK")
  ask(s, "b2 LOGIN me secret", "^b2 OK")
  ask(s, "b3 SELECT INBOX", "^b3 OK")
  ask(s, "b4 LOGOUT", "^b4 OK")
end

local function pop3(s)
  ask(s, "USER me", "^%+OK")
  ask(s, "PASS secret", "^%+OK")
  ask(s, "STAT", "^%+OK 0 0")
end

-- The capabilities come again by themselves.
local function sieve(s)
  ask(s, nil, "^OK")
  ask(s, 'AUTHENTICATE "PLAIN" "AG1lAHNlY3JldA=="', "^OK")
  ask(s, "LISTSCRIPTS", "^OK")
end

-- A file over a data connection that is under TLS, too.
local function ftp(s)
  ask(s, "USER anonymous", "^230 ")
  ask(s, "PBSZ 0", "^200 ")
  ask(s, "PROT P", "^200 ")
  local high, low = ask(s, "PASV", "^227 "):match "(%d+),(%d+)%)"
  local data = assert(urlsock.connect("localhost", high * 256 + low, { timeout = 10 }))
  ask(s, "RETR hello.txt", "^150 ")
  assert(data:starttls { ca = kit.ca })
  assert.equal("hello\n", data:read "a")
  data:close()
  ask(s, nil, "^226 ")
end

local function nntp(s)
  ask(s, "GROUP test.hello", "^211 0 ")
  ask(s, "QUIT", "^205 ")
end

-- The stream begins anew, and offers what it did not offer in the clear.
local function xmpp_stream(s, content, offered)
  s:write("<?xml version='1.0'?><stream:stream from='peer.test' to='localhost' version='1.0' ",
    "xmlns='", content, "' xmlns:stream='http://etherx.jabber.org/streams'>")
  local features = assert(s:readuntil "</stream:features>")
  assert.matches(offered, features)
  assert.is_nil(features:find("starttls", 1, true))
end

local function xmpp(s)
  xmpp_stream(s, "jabber:client", "<mechanism>PLAIN</mechanism>")
  s:write "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AG1lAHNlY3JldA==</auth>"
  assert.matches("<success", s:readuntil ">")
  xmpp_stream(s, "jabber:client", "<bind")
  s:write "<iq id='x' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
  assert.matches("<jid>me@localhost/", s:readuntil "</iq>")
  s:write "</stream:stream>"
end

local function xmpp_server(s)
  xmpp_stream(s, "jabber:server", "dialback")
  s:write "</stream:stream>"
end

local function irc(s)
  s:write "NICK me\r\nUSER me 0 * :me\r\n"
  ask(s, nil, " 001 me ")
  ask(s, "JOIN #here", " 366 me #here ")
  ask(s, "QUIT", "^ERROR ")
end

-- BindRequest with a password, and its answer: success.
local function ldap(s)
  local dn = "cn=admin,dc=test"
  local bind = "\2\1\3\4" .. string.char(#dn) .. dn .. "\128\6secret"
  local op = "\2\1\2\96" .. string.char(#bind) .. bind
  assert(s:write("\48", string.char(#op), op))
  assert.equal("\48\12\2\1\2\97\7\10\1\0\4\0\4\0", assert(s:read(14)))
end

local function pg_packet(s)
  local head = assert(s:read(5))
  return head:sub(1, 1), assert(s:read(bytes.number(head:sub(2)) - 4))
end

local function pg_until(s, wanted)
  while true do
    local letter, body = pg_packet(s)
    if letter == wanted then return body end
    assert.are_not.equal("E", letter)
  end
end

local function postgres(s)
  local startup = bytes.big(4, 196608) .. "user\0postgres\0\0"
  assert(s:write(bytes.big(4, #startup + 4), startup))
  pg_until(s, "Z")
  local query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()\0"
  assert(s:write("Q", bytes.big(4, #query + 4), query))
  assert.equal("t", pg_until(s, "D"):sub(-1))
end

local function my_packet(s)
  local head = assert(s:read(4))
  return assert(s:read(bytes.number_little(head:sub(1, 3))))
end

local function mysql(s, greeting)
  assert.equal(20, #greeting.challenge)
  local login = bytes.little(4, greeting.flags) .. bytes.little(4, 2 ^ 24) .. "\45" ..
    ("\0"):rep(23) .. "root\0\0" .. "mysql_native_password\0"
  assert(s:write(bytes.little(3, #login), string.char(greeting.sequence), login))
  assert.equal(0, my_packet(s):byte())
  local query = "\3show status like 'Ssl_version'"
  assert(s:write(bytes.little(3, #query), "\0", query))
  local rows = {}
  for i = 1, 5 do rows[i] = my_packet(s) end
  assert.matches("TLSv1%.[23]", table.concat(rows))
end

local function telnet(s)
  assert(s:write "\255\252\1")
  assert.is_true(#assert(s:read(-100)) > 0)
end

local rows = {
  { "postfix", "/usr/lib/postfix/sbin/master", { { "smtp", "POSTFIX_SMTP", mail "EHLO" } } },
  { "dovecot", "dovecot", {
    { "imap", "DOVECOT_IMAP", imap }, { "pop3", "DOVECOT_POP3", pop3 },
    { "sieve", "DOVECOT_SIEVE", sieve }, { "lmtp", "DOVECOT_LMTP", mail "LHLO" } } },
  { "vsftpd", "vsftpd", { { "ftp", "VSFTPD_FTP", ftp } } },
  { "inn", "/usr/lib/news/bin/nnrpd", {
    -- it offers TLS also where it cannot do it
    { "nntp", "INN_NNTP", nntp, offers = true } } },
  { "prosody", "prosody", {
    { "xmpp", "PROSODY_C2S", xmpp },
    { "xmpp-server", "PROSODY_S2S", xmpp_server, from = "peer.test" } } },
  { "inspircd", "inspircd", { { "irc", "INSPIRCD_IRC", irc } } },
  { "slapd", "slapd", { { "ldap", "SLAPD_LDAP", ldap } } },
  { "postgres", "/usr/lib/postgresql/*/bin/postgres", {
    { "postgres", "POSTGRES_SQL", postgres } } },
  { "mariadb", "mariadbd", { { "mysql", "MARIADB_SQL", mysql } } },
  { "telnet", "kermit", { { "telnet", "TELNET_TELNET", telnet } } },
}

local function connect(ports, row, servername, optional)
  return urlsock.connect("localhost", ports[row[2]], {
    timeout = 20, starttls = { protocol = row[1], name = row.from, optional = optional },
    tls = { ca = kit.ca, servername = servername },
  })
end

local function may_be_optional(protocol)
  return require("urlsock.starttls." .. protocol:gsub("-", "_")).options.optional
end

describe("STARTTLS", function()
  setup(kit.open)
  teardown(kit.close)

  for _, server in ipairs(rows) do
    local name, program, protocols = server[1], server[2], server[3]
    if not kit.has(program) then
      pending("with " .. name .. ": it is not installed, or this is not root")
    else
      it("with " .. name .. ": a command, another name, TLS switched off", function()
        finally(function() kit.stop(name) end)
        local ports, why = kit.start(name)
        if not ports and why:find "status=77$" then return pending(why) end
        assert(ports, why)
        for _, row in ipairs(protocols) do
          local s, greeting = connect(ports, row)
          assert(s, greeting)
          local info = s:info()
          assert.is_true(info.tls)
          assert.matches("localhost", info.peer.subject)
          row[3](s, greeting)
          s:close()
          local t, message, code = connect(ports, row, "other.test")
          assert.is_nil(t)
          assert.equal("verify", code, message)
        end
        kit.stop(name)
        ports = assert(kit.start(name, "KIT_TLS=off"))
        for _, row in ipairs(protocols) do
          local s, message, code = connect(ports, row)
          assert.is_nil(s)
          assert.equal("starttls", code, message)
          if may_be_optional(row[1]) then
            s, message, code = connect(ports, row, nil, true)
            if row.offers then
              assert.equal("starttls", code, message)
            else
              assert.is_false(assert(s, message):info().tls)
              s:close()
            end
          end
        end
      end)
    end
  end
end)
