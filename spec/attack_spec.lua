-- Somebody between the two sides, who plays every known trick around STARTTLS. Whatever he does, a
-- side is refused, or it is under TLS with nothing at hand of what was said in the clear.
local dialogue = require "spec.support.dialogue"
local starttls = require "urlsock.starttls"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local SECRET = "* said under TLS"

-- All that a client may say in the clear, in this order.
local spoken = {
  smtp = "EHLO me.test\r\nSTARTTLS\r\n",
  lmtp = "LHLO me.test\r\nSTARTTLS\r\n",
  imap = "a1 CAPABILITY\r\na2 STARTTLS\r\n",
  pop3 = "CAPA\r\nSTLS\r\n",
}

local refusals = { 221, 354, 421, 500, 501, 530 }
local mechanisms = "ANONYMOUS CRAM-MD5 DIGEST-MD5 EXTERNAL GSSAPI LOGIN NTLM OAUTHBEARER PLAIN " ..
  "SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2"
local codes = { "ALERT", "BADCHARSET (x)", "PARSE" }
local stranger = support.serving "wronghost"
local hasty = { timeout = 0.1 }

-- Data that no server may send before a login: a name, and the words.
local data = {
  { "a folder", '* LIST () "/" "Click me!"\r\n' },
  { "a subscribed folder", '* LSUB () "/" x\r\n' },
  { "a status", "* STATUS INBOX (MESSAGES 7)\r\n" },
  { "a long status", "* STATUS INBOX (MESSAGES 7 RECENT 7 UIDNEXT 8 UNSEEN 7 UIDVALIDITY 1)\r\n" },
  { "a search result", "* SEARCH 1 2 3 4 5 6 7 8 9\r\n" },
  { "flags", "* FLAGS (\\Seen \\Deleted)\r\n" },
  { "a count", "* 7 EXISTS\r\n" },
  { "a count of new ones", "* 7 RECENT\r\n" },
  { "a deletion", "* 1 EXPUNGE\r\n" },
  { "a message", "* 1 FETCH (BODY[] {10}\r\nFrom: x\r\n\r\n)\r\n" },
}

-- What the server does; the steps that are different; the outcome: "upgraded", or codes; and
-- perhaps: `each`, what @ stands for; `after`, the answer to the ClientHello; `inside`, what is
-- said first under TLS; `tls`, the server's options; `options`, the client's.
local rows = {}

rows.smtp = {
  { "is a good one", {}, "upgraded" },
  { "offers a login beside STARTTLS",
    { [2] = "250-x\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n" }, "upgraded" },
  { "greets with @", { "@ x\r\n" }, "starttls", { each = { 250, 220220, 554, 1, "" } } },
  { "greets with @ and waits for QUIT", { "@ x\r\n", "@ bye\r\n" }, "starttls",
    { each = refusals } },
  { "greets with 554 and takes QUIT for @", { "554 x\r\n", "@ x\r\n" }, "starttls",
    { each = { 220, 221, 354, 421, 500, 501, 530 } } },
  { "greets twice", { "220 x\r\n220 y\r\n" }, "injected" },
  { "greets, and answers EHLO before it was asked",
    { "220 x\r\n250-x\r\n250 STARTTLS\r\n" }, "injected" },
  { "greets in two ways: @", { "@ y\r\n" }, "starttls",
    { each = { "220-x\r\n250", "554-x\r\n220" } } },
  { "greets like POP3", { "+OK x\r\n" }, "starttls" },
  { "greets like IMAP", { "* OK x\r\n" }, "starttls" },
  { "greets with a TLS record", { "\22\3\3\0\4\14\0\0\0\n" }, "starttls" },

  { "answers EHLO with @", { [2] = "@ x\r\n" }, "starttls",
    { each = { 220, 221, 354, 421, 500, 501, 502, 504, 530, 550 } } },
  { "answers EHLO with nothing to offer", { [2] = "250 x\r\n" }, "starttls" },
  { "offers every login, and no STARTTLS",
    { [2] = "250-x\r\n250-AUTH=" .. mechanisms .. "\r\n250 AUTH " .. mechanisms .. "\r\n" },
    "starttls" },
  { "offers logins, no STARTTLS, and answers 502 to that",
    { [2] = "250-x\r\n250 AUTH PLAIN LOGIN\r\n", [3] = "502 what\r\n" }, "starttls" },
  { "knows no EHLO, and would take HELO for @",
    { [2] = "500 what\r\n", [3] = "@ x\r\n" }, "starttls",
    { each = { 220, 221, 250, 354, 421, 500, 501, 530 } } },
  { "knows no EHLO, and would take RSET for @",
    { [2] = "502 what\r\n", [3] = "@ x\r\n" }, "starttls",
    { each = { 220, 221, 250, 354, 421, 500, 501, 530 } } },
  { "answers EHLO twice", { [2] = "250-x\r\n250 STARTTLS\r\n250-x\r\n250 AUTH PLAIN\r\n" },
    "injected" },
  { "answers EHLO twice, a bit later",
    { [2] = "250-x\r\n250 STARTTLS\r\n", [3] = "250-x\r\n250 AUTH PLAIN\r\n220 go\r\n" },
    "starttls" },
  { "gives the go-ahead before it was asked", { [2] = "250-x\r\n250 STARTTLS\r\n220 go\r\n" },
    "injected" },
  { "gives the go-ahead within the answer to EHLO: @", { [2] = "@ STARTTLS\r\n" }, "starttls",
    { each = { "250-x\r\n220", "220-x\r\n250" } } },
  { "puts STARTTLS behind another keyword", { [2] = "250-x\r\n250 AUTH STARTTLS\r\n" },
    "starttls" },
  { "puts STARTTLS where its name is due", { [2] = "250 STARTTLS\r\n" }, "starttls" },
  { "puts a NUL behind STARTTLS", { [2] = "250-x\r\n250 STARTTLS\0\r\n" }, "starttls" },
  { "ends a line with LF alone", { [2] = "250-x\n250 STARTTLS\r\n" }, "starttls" },
  { "ends a line with CR alone", { [2] = "250-x\r250 STARTTLS\r\n" }, "starttls" },

  { "answers STARTTLS with @", { [3] = "@ x\r\n" }, "starttls",
    { each = { 221, 250, 354, 421, 454, 500, 501, 502, 530 } } },
  { "refuses STARTTLS and gives the go-ahead then", { [3] = "454 x\r\n220 go\r\n" }, "starttls" },
  { "gives the go-ahead in two ways: @", { [3] = "@ x\r\n" }, "starttls",
    { each = { "220-go\r\n454", "454-x\r\n220" } } },
  { "gives the go-ahead in many lines", { [3] = "220-x\r\n220-y\r\n220 go\r\n" }, "upgraded" },
  { "answers EHLO behind the go-ahead", { [3] = "220 go\r\n250-x\r\n250 AUTH LOGIN\r\n" },
    "injected" },
  { "gives the go-ahead twice", { [3] = "220 go\r\n220 go\r\n" }, "injected" },
  { "has half a line behind the go-ahead", { [3] = "220 go\r\n250-x" }, "injected" },
  { "gives the go-ahead and answers TLS with 500", {}, "plaintext", { after = "500 what\r\n" } },
  { "gives the go-ahead and answers TLS with silence", {}, "timeout",
    { after = "", options = hasty } },
  { "has another's certificate", {}, "verify", { tls = stranger } },
}
rows.lmtp = rows.smtp

rows.imap = {
  { "is a good one", {}, "upgraded" },
  { "says in its greeting what it can", { "* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n" },
    "upgraded" },
  { "offers @ beside STARTTLS", { "* OK [CAPABILITY STARTTLS @] x\r\n",
    "* CAPABILITY IMAP4rev1 STARTTLS @\r\na1 OK x\r\n" }, "upgraded",
    { each = { "AUTH=PLAIN AUTH=LOGIN", "IDLE", "UTF8=ONLY ENABLE", "LOGIN-REFERRALS",
      "MAILBOX-REFERRALS", "COMPRESS=DEFLATE", "IMAPSIEVE=sieve://x.test" } } },
  { "offers @, and not STARTTLS", { "* OK [CAPABILITY @] x\r\n",
    "* CAPABILITY @\r\na1 OK x\r\n", "a2 BAD what\r\n" }, "starttls",
    { each = { "IMAP4", "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN", "IMAP4rev1 UTF8=ONLY ENABLE",
      "IMAP4rev1 AUTH=" .. mechanisms:gsub(" ", " AUTH=") } } },
  { "offers STARTTLS in its greeting only", { "* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n",
    "* CAPABILITY IMAP4rev1\r\na1 OK x\r\n" }, "starttls" },
  { "offers nothing, not even IMAP4", { [2] = "* CAPABILITY\r\na1 OK x\r\n" }, "starttls" },
  { "knows no CAPABILITY", { [2] = "a1 BAD what\r\n", [3] = "a2 BAD what\r\n" }, "starttls" },
  { "knows no CAPABILITY, and would take STARTTLS", { [2] = "a1 BAD what\r\n" }, "starttls" },

  { "has the login done already, and @", { "* PREAUTH [CAPABILITY IMAP4rev1 @] x\r\n" },
    "starttls", { each = { "", "STARTTLS LOGINDISABLED", "AUTH=PLAIN AUTH=LOGIN",
      "STARTTLS AUTH=PLAIN AUTH=LOGIN", "MAILBOX-REFERRALS" } } },
  { "has the login done already, and names nothing", { "* PREAUTH x\r\n" }, "starttls" },
  { "greets, and has the login done then", { "* OK x\r\n* PREAUTH y\r\n" }, "injected" },
  { "has the login done with its first answer",
    { [2] = "* PREAUTH x\r\n* CAPABILITY STARTTLS\r\na1 OK x\r\n" }, "starttls" },
  { "has the login done with its second answer", { [3] = "* PREAUTH x\r\na2 OK go\r\n" },
    "starttls" },
  { "greets with @", { "* @ x\r\n" }, "starttls", { each = { "NO", "BAD", "BYE", "OKAY" } } },
  { "greets with a failure and @", { "* NO [@] call this number\r\n" }, "starttls",
    { each = codes } },
  { "greets with success and @", { "* OK [@] call this number\r\n" }, "upgraded",
    { each = codes } },
  { "greets with success and @, and offers nothing",
    { "* OK [@] call this number\r\n", "* CAPABILITY\r\na1 OK x\r\n" }, "starttls",
    { each = codes } },
  { "greets with a tag", { "xyz OK x\r\n" }, "starttls" },
  { "greets with nonsense", { "abc def\r\n" }, "starttls" },
  { "greets with nonsense, and then rightly", { "abc def\r\n* OK x\r\n" }, "starttls" },
  { "greets with nonsense twice, and then rightly", { "abc def\r\nghi\r\n* OK x\r\n" },
    "starttls" },
  { "greets like SMTP", { "220 x\r\n" }, "starttls" },
  { "begins TLS without a word", { "" }, "timeout", { options = hasty } },

  { "has something behind its greeting: @", { "* OK x\r\n@\r\n" }, "injected",
    { each = { "* CAPABILITY IDLE", "* OK [REFERRAL imap://x.test/] x", "* OK [ALERT] x",
      "* BYE x", "a1 OK x", "+ x" } } },
  { "has something before its first answer: @",
    { [2] = "@\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK x\r\n" }, "upgraded",
    { each = { "* CAPABILITY IDLE", "* OK [REFERRAL imap://x.test/] x", "* OK [ALERT] x" } } },
  { "takes back what it can", { [2] = "* CAPABILITY STARTTLS\r\n* CAPABILITY IDLE\r\na1 OK x\r\n" },
    "starttls" },
  { "has something before the go-ahead: @", { [3] = "@\r\na2 OK go\r\n" }, "upgraded",
    { each = { "* CAPABILITY IDLE", "* OK [ALERT] x", "* NO [ALERT] x",
      "* OK [REFERRAL imap://x.test/] x" } } },
  { "says goodbye before the go-ahead",
    { [3] = "* BYE [REFERRAL imap://x.test/] x\r\na2 OK go\r\n" }, "starttls" },
  { "answers the second command first",
    { [2] = "a2 OK go\r\n* CAPABILITY STARTTLS\r\na1 OK x\r\n" }, "starttls" },
  { "answers both commands at once", { [2] = "* CAPABILITY STARTTLS\r\na1 OK x\r\na2 OK go\r\n" },
    "injected" },
  { "answers the first command twice", { [3] = "a1 OK x\r\na2 OK go\r\n" }, "starttls" },
  { "has the wrong tag: @", { [3] = "@ OK go\r\n" }, "starttls",
    { each = { "a1", "a3", "A2", "a22", "a", "+" } } },
  { "has no tag", { [3] = "* OK go\r\n" }, "timeout", { options = hasty } },

  { "answers STARTTLS with @", { [3] = "a2 @ x\r\n" }, "starttls",
    { each = { "NO", "BAD", "BYE", "PREAUTH", "NO [ALERT]", "" } } },
  { "wants more of the command", { [3] = "+ go on\r\n" }, "starttls" },
  { "refuses STARTTLS and gives the go-ahead then", { [3] = "a2 NO x\r\na2 OK go\r\n" },
    "starttls" },
  { "answers the next commands behind the go-ahead",
    { [3] = "a2 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na3 OK x\r\n" }, "injected" },
  { "has something behind the go-ahead: @", { [3] = "a2 OK go\r\n@" }, "injected",
    { each = { "* OK [ALERT] x\r\n", "* BYE x\r\n", "a2 OK go\r\n", "* OK", "\r\n",
      "\195\162\194\179" } } },
  { "says under TLS what it may: @", {}, "upgraded",
    { each = { "* OK [ALERT] x", "* BYE x" }, inside = "@" } },
  { "gives the go-ahead and answers TLS with a failure", {}, "plaintext",
    { after = "* BAD what\r\n" } },
  { "gives the go-ahead and answers TLS with silence", {}, "timeout",
    { after = "", options = hasty } },
  { "offers @, and has another's certificate",
    { [2] = "* CAPABILITY IMAP4rev1 STARTTLS @\r\na1 OK x\r\n" }, "verify",
    { each = { "LOGINDISABLED", "MAILBOX-REFERRALS" }, tls = stranger } },
}

for _, item in ipairs(data) do
  local name, words = item[1], item[2]
  for _, row in ipairs {
    { "sends %s behind its greeting", { "* OK x\r\n" .. words }, "injected" },
    { "sends %s before its first answer",
      { [2] = words .. "* CAPABILITY STARTTLS\r\na1 OK x\r\n" }, "starttls" },
    { "sends %s before the go-ahead", { [3] = words .. "a2 OK go\r\n" }, "starttls" },
    { "sends %s behind the go-ahead", { [3] = "a2 OK go\r\n" .. words }, "injected" },
    { "sends %s in the place of TLS", {}, "plaintext", { after = words } },
  } do
    row[1] = row[1]:format(name)
    table.insert(rows.imap, row)
  end
end

rows.pop3 = {
  { "is a good one", {}, "upgraded" },
  { "greets with @", { "@\r\n" }, "upgraded",
    { each = { "+OK", "+OK [in-use] x", "+OK [sys/perm] call this number", "+OK [sys/temp] x",
      "+OK x <1.2@x.test>" } } },
  { "greets with @, and offers nothing", { "@\r\n", "+OK x\r\n.\r\n" }, "starttls",
    { each = { "+OK x", "+OK [sys/perm] x", "+OK [sys/temp] x", "+OK x <1.2@x.test>" } } },
  { "greets with @, and waits for QUIT", { "@\r\n", "+OK bye\r\n" }, "starttls",
    { each = { "-ERR x", "-ERR [sys/perm] x", "-ERR [sys/temp] x", "-ERR x <1.2@x.test>",
      "-ERR \27[31;1mx\27[0m", "+OK \27[31;1mx\27[0m", "+Do you care?", "+", "+ x", "+OKAY" } } },
  { "greets with a failure and refuses QUIT", { "-ERR x\r\n", "-ERR stay\r\n" }, "starttls" },
  { "greets with a list of messages", { "+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n" },
    "injected" },
  { "has a list of messages before its first answer",
    { "+OK 2 messages\r\n", "1 120\r\n2 200\r\n.\r\n+OK\r\nSTLS\r\n.\r\n" }, "starttls" },

  { "offers all that there is", { [2] = "+OK x\r\nTOP\r\nUSER\r\nSASL PLAIN LOGIN\r\n" ..
    "RESP-CODES\r\nLOGIN-DELAY 15 USER\r\nPIPELINING\r\nEXPIRE 0 USER\r\nUIDL\r\n" ..
    "IMPLEMENTATION x\r\nSTLS\r\nAUTH-RESP-CODE\r\nUTF8 USER\r\nLANG\r\n.\r\n" }, "upgraded" },
  { "offers nonsense beside STLS", { [2] = "+OK x\r\n+Like... honestly?\r\nSTLS\r\n.\r\n" },
    "upgraded" },
  { "offers a login beside STLS", { [2] = "+OK x\r\nUSER\r\nSASL PLAIN\r\nSTLS\r\n.\r\n" },
    "upgraded" },
  { "offers nothing", { [2] = "+OK x\r\n.\r\n" }, "starttls" },
  { "offers every login, and no STLS",
    { [2] = "+OK x\r\nUSER\r\nSASL " .. mechanisms .. "\r\n.\r\n", [3] = "-ERR what\r\n" },
    "starttls" },
  { "offers STLS as a word of another line", { [2] = "+OK STLS\r\nSASL STLS\r\n.\r\n" },
    "starttls" },
  { "offers STLS behind the end of the list", { [2] = "+OK\r\n.\r\nSTLS\r\n.\r\n" }, "starttls" },
  { "answers CAPA with @", { [2] = "@\r\n", [3] = "-ERR what\r\n" }, "starttls",
    { each = { "-ERR what", "-ERR [sys/perm] call this number", "-ERR", "+ x", "OK" } } },
  { "knows no CAPA, and would take AUTH for @", { [2] = "-ERR what\r\n", [3] = "@\r\n" },
    "starttls", { each = { "-ERR what", "+OK\r\n.", "+OK\r\nPLAIN\r\nLOGIN\r\nAPOP\r\n." } } },
  { "knows no CAPA, and would take QUIT for @", { [2] = "-ERR what\r\n", [3] = "@\r\n" },
    "starttls", { each = { "-ERR [sys/perm] x", "+OK [sys/perm] x" } } },
  { "knows no CAPA, and would take STLS", { [2] = "-ERR what\r\n" }, "starttls" },
  { "answers CAPA twice", { [2] = "+OK\r\nSTLS\r\n.\r\n+OK\r\nUSER\r\n.\r\n" }, "injected" },
  { "answers CAPA twice, a bit later",
    { [2] = "+OK\r\nSTLS\r\n.\r\n", [3] = "+OK\r\nUSER\r\n.\r\n+OK go\r\n" }, "injected" },
  { "gives the go-ahead before it was asked", { [2] = "+OK\r\nSTLS\r\n.\r\n+OK go\r\n" },
    "injected" },

  { "answers STLS with @, and waits for QUIT", { [3] = "@\r\n", [4] = "+OK bye\r\n" }, "starttls",
    { each = { "-ERR no", "-ERR [sys/perm] x", "+Okay, do your thing", "+ x", "OK", "+ok" } } },
  { "answers STLS with a failure and refuses QUIT",
    { [3] = "-ERR no\r\n", [4] = "-ERR stay\r\n" }, "starttls" },
  { "gives the go-ahead as @", { [3] = "@\r\n" }, "upgraded",
    { each = { "+OK", "+OK [sys/perm] x" } } },
  { "gives the go-ahead as @, and answers TLS with a failure", { [3] = "@\r\n" }, "plaintext",
    { each = { "+OK", "+OK [sys/perm] x" }, after = "-ERR what\r\n" } },
  { "gives the go-ahead and answers TLS with silence", {}, "timeout",
    { after = "", options = hasty } },
  { "has something behind the go-ahead: @", { [3] = "+OK go\r\n@" }, "injected",
    { each = { "+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n", "\194\185\194\179\194\185", "+OK go\r\n", ".",
      "\r\n", "\n", "\0" } } },
  { "has another's certificate", {}, "verify", { tls = stranger } },
}

-- TLS records that come from nobody are no plaintext, and no way in either.
for _, protocol in ipairs { "smtp", "imap", "pop3" } do
  local go = dialogue.good[protocol][3]
  for _, row in ipairs {
    { "has data in a TLS record behind the go-ahead", { [3] = go .. "\23\3\3\0\4" .. "250x" },
      "injected" },
    { "has an alert behind the go-ahead", { [3] = go .. "\21\3\3\0\2\1\0" }, "injected" },
    { "has plaintext in a handshake record behind the go-ahead",
      { [3] = go .. "\22\3\3\0\4" .. "2500" }, "injected" },
    { "has a hello of its own behind the go-ahead",
      { [3] = go .. "\22\3\3\0\4\2\0\0\0" }, "tls" },
    { "answers TLS with data that nobody has encrypted", {}, "tls",
      { after = "\23\3\3\0\4" .. "250x" } },
    { "answers TLS with an alert", {}, "tls", { after = "\21\3\3\0\2\2\40" } },
  } do
    table.insert(rows[protocol], row)
  end
end

-- Says words, a segment each.
local function say(b, words)
  for _, segment in ipairs(type(words) == "table" and words or { words }) do
    b:write(segment)
    coroutine.yield()
  end
end

-- The server: says a step whenever the client has spoken, up to the ClientHello, and answers that
-- with TLS or with the words for it. What came before it is noted.
local function serve(b, steps, row, heard)
  say(b, steps[1])
  local i, at = 1
  repeat
    local said = b:peek(4096)
    if not said then return end
    at = said:find("\22\3", 1, true)
    if at ~= 1 then
      heard[#heard + 1] = b:read(at and at - 1 or #said)
      i = i + 1
      say(b, steps[i] or "")
    end
  until at
  heard.hello = true
  if not row.after then return b:starttls(row.tls or support.server) end
  say(b, row.after)
  repeat until not b:read(-4096)
end

-- Both ways for a client to ask for TLS: its end, what it answers, and the server's end.
local ways = {}

function ways.starttls(protocol, options)
  local a, b = assert(urlsock.pair())
  return function()
    return a:starttls(support.with(support.with(support.client, { protocol = protocol }), options))
  end, function() return b end, a
end

function ways.connect(protocol, options)
  local l = assert(urlsock.listen "tcp://127.0.0.1:0")
  return function()
    return urlsock.connect(l:localname(), { tls = support.client, timeout = options.timeout,
      starttls = { protocol = protocol, name = options.name, greeted = options.greeted } })
  end, function()
    local b = assert(l:accept())
    l:close()
    return b
  end
end

-- Plays a row; checks that it ends as it may.
local function play(protocol, way, steps, row)
  local due = spoken[protocol]
  local name = due and due:find "LO " and "me.test" or nil
  local options = support.with({ name = name, timeout = 5 }, row.options or {})
  local call, meet, a = ways[way](protocol, options)
  local heard, b = {}, nil
  local answer = support.together(call, function()
    b = meet()
    b:settimeout(5)
    serve(b, steps, row, heard)
  end)
  local clear, allowed = table.concat(heard), " " .. row[3] .. " "
  if due then assert.equal(due:sub(1, #clear), clear) end
  if answer[1] then
    assert.equal("upgraded", row[3])
    if due then assert.equal(due, clear) end
    a = answer[1]
    a:settimeout(0)
    assert.equal("timeout", select(3, a:read(-1)))
    a:settimeout(5)
    b:write(row.inside or SECRET, "\r\n")
    assert.equal(row.inside or SECRET, a:read())
  else
    local message, code = answer[2], answer[3]
    assert.is_truthy(allowed:find(" " .. code .. " ", 1, true), message)
    assert.is_nil(message:find "[^ -~]")
    if code == "starttls" or code == "injected" then assert.is_nil(heard.hello) end
    if a then assert.equal(code, select(3, a:write "secret")) end
  end
  if a then a:close() end
  b:close()
end

-- A row with something in the place of @.
local function filled(row, item)
  local function fill(s) return s and (s:gsub("@", function() return tostring(item) end)) end
  local more = row[4] or {}
  local steps = {}
  for i, step in pairs(row[2]) do steps[i] = fill(step) end
  return support.with(more, { fill(row[1]), steps, row[3], inside = fill(more.inside) })
end

describe("a client meets a server that", function()
  for _, protocol in ipairs { "smtp", "lmtp", "imap", "pop3" } do
    for _, given in ipairs(rows[protocol]) do
      for _, item in ipairs(given[4] and given[4].each or { "@" }) do
        local row = filled(given, item)
        it(("%s (%s: %s)"):format(row[1]:gsub("[^ -~]", "."), protocol, row[3]), function()
          local steps = support.with(dialogue.good[protocol], row[2])
          for _, way in ipairs { "starttls", "connect" } do play(protocol, way, steps, row) end
        end)
      end
    end
  end
end)

-- Words in two segments, at every place where they can be cut.
local function cuts(words)
  local i = 0
  return function()
    i = i + 1
    if i < #words then return { words:sub(1, i), words:sub(i + 1) }, i end
  end
end

-- All the words, a byte in each segment.
local function bytes_of(words)
  local t = {}
  for byte in words:gmatch "." do t[#t + 1] = byte end
  return t
end

describe("a client", function()
  for _, protocol in ipairs { "smtp", "lmtp", "imap", "pop3" } do
    local good = dialogue.good[protocol]

    it(protocol .. ": refuses what is behind the go-ahead, wherever the segments end", function()
      for cut, i in cuts(good[3] .. "* OK\r\n") do
        -- behind the whole go-ahead, the hello is on its way already
        local code = i == #good[3] and "plaintext" or "injected"
        play(protocol, "starttls", { good[1], good[2], cut }, { "", {}, code })
      end
    end)

    it(protocol .. ": refuses what is behind the greeting, wherever the segments end", function()
      for cut, i in cuts(good[1] .. "* 1 EXISTS\r\n") do
        -- behind the whole greeting, it is the answer to a question
        local code = i == #good[1] and "starttls" or "injected"
        play(protocol, "starttls", { cut, good[2], good[3] }, { "", {}, code })
      end
    end)

    it(protocol .. ": takes a server that sends every byte by itself", function()
      local steps = { bytes_of(good[1]), bytes_of(good[2]), bytes_of(good[3]) }
      play(protocol, "starttls", steps, { "", {}, "upgraded" })
    end)

    it(protocol .. ": refuses what stands behind a greeting that was read already", function()
      local a, b = assert(urlsock.pair())
      b:write(good[1], good[2], good[3])
      assert(a:read())
      local s, _, code =
        a:starttls(support.with(support.client, { protocol = protocol, greeted = true }))
      assert.is_nil(s)
      assert.equal("injected", code)
      assert.equal("eof", select(3, b:read(-1)))
    end)
  end

  for _, protocol in ipairs(starttls.protocols()) do
    it(protocol .. ": has nothing at hand of what was said in the clear", function()
      play(protocol, "starttls", dialogue.good[protocol], { "", {}, "upgraded" })
    end)

    it(protocol .. ": refuses an answer in the clear to its ClientHello", function()
      play(protocol, "starttls", dialogue.good[protocol],
        { "", {}, "plaintext", after = "go on in the clear\r\n" })
    end)
  end
end)

local GENUINE = "said by the client itself"
local identity = { cert = support.cert "server.pem", key = support.cert "server.key" }

-- What somebody would slip in behind the request.
local injected = {
  smtp = "EHLO evil\r\n", lmtp = "LHLO evil\r\n", pop3 = "CAPA\r\n", imap = "evil NOOP\r\n",
  ftp = "FEAT\r\n", nntp = "CAPABILITIES\r\n", sieve = "NOOP\r\n", irc = "PING evil\r\n",
  xmpp = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", ["xmpp-server"] = "<iq/>",
  postgres = "\0\0\0\15\0\3\0\0user\0x\0", ldap = "\48\12\2\1\2\96\7\2\1\3\4\0\128\0",
  mysql = "\4\0\0\2evil", telnet = "evil\r\n",
}
local textual = { "smtp", "lmtp", "pop3", "imap", "ftp", "nntp", "sieve", "irc" }

-- The server of a protocol; then the first line under TLS, or nil, message, code.
local function serving(protocol, a)
  return function()
    local s, message, code =
      starttls.server(protocol, a, { tls = identity, name = "mail.test", timeout = 5 })
    if not s then return nil, message, code end
    return s:read()
  end
end

-- What has arrived in the clear, once the other side waits.
local function overheard(b)
  b:settimeout(0)
  local heard = ""
  repeat
    coroutine.yield()
    local more = b:read(-65536)
    heard = heard .. (more or "")
  until not more
  return heard
end

-- Somebody says words in the clear, a segment each; then the client shakes hands and speaks. What
-- the server's side ends with, and all that it said in the clear.
local function attack(protocol, segments)
  local a, b = assert(urlsock.pair())
  local heard
  local ending = support.together(serving(protocol, a), function()
    say(b, segments)
    heard = overheard(b)
    b:settimeout(5)
    if b:starttls(support.client) then b:write(GENUINE, "\r\n") end
    b:close()
  end)
  a:close()
  return ending, (heard:gsub("[\20-\24]\3[^\5-\255].*", ""))
end

-- The same, with codes that it has to end with. It said no more than to the request alone.
local function refused(protocol, segments, allowed)
  local ending, heard = attack(protocol, segments)
  assert.is_nil(ending[1])
  assert.is_truthy((" " .. allowed .. " "):find(" " .. ending[3] .. " ", 1, true), ending[2])
  return heard
end

-- A client's handshake, whose first bytes go out behind words in the clear, in segments as a
-- function has it. What the server's side ends with.
local function pipelined(protocol, words, segments)
  local a, b = assert(urlsock.pair())
  local c, d = assert(urlsock.pair())
  local over = false
  local ending = support.together(function()
    local first, message, code = serving(protocol, a)()
    over = true
    a:close()
    return first, message, code
  end, function()
    if c:starttls(support.client) then c:write(GENUINE, "\r\n") end
  end, function()
    say(b, segments(words, assert(d:read(-65536))))
    b:settimeout(0)
    d:settimeout(0)
    local clear = true
    while not over do
      coroutine.yield()
      local down, up = b:read(-65536), d:read(-65536)
      if down and clear then
        local at = down:find("\22\3", 1, true)
        clear, down = not at, at and down:sub(at)
      end
      if down then d:write(down) end
      if up then b:write(up) end
    end
    d:close()
  end)
  b:close()
  c:close()
  return ending
end

describe("a server", function()
  for _, protocol in ipairs(starttls.protocols()) do
    local request, evil = dialogue.requests[protocol], injected[protocol]

    it(protocol .. ": hears nothing of what stands behind the request", function()
      for n = 1, #evil do
        refused(protocol, request .. evil:sub(1, n), "injected")
      end
    end)

    it(protocol .. ": hears nothing of it wherever the segments end", function()
      local alone = select(2, attack(protocol, request))
      for cut, i in cuts(request .. evil) do
        local heard = refused(protocol, cut, i == #request and "plaintext tls" or "injected")
        -- challenges and ids are new each time
        if not protocol:find "sql" and not protocol:find "xmpp" then
          assert.equal(alone:sub(1, #heard), heard)
        end
      end
    end)

    it(protocol .. ": hears nothing of it when every byte comes by itself", function()
      refused(protocol, bytes_of(request .. evil), "plaintext tls injected")
    end)

    it(protocol .. ": takes a request that comes a byte at a time", function()
      assert.equal(GENUINE, attack(protocol, bytes_of(request))[1])
    end)

    it(protocol .. ": takes a ClientHello behind the request, wherever it is cut", function()
      local whole = pipelined(protocol, request, function(words, hello) return words .. hello end)
      assert.equal(GENUINE, whole[1], whole[2])
      for n = 1, 7 do
        local cut = pipelined(protocol, request, function(words, hello)
          return { words .. hello:sub(1, n), hello:sub(n + 1) }
        end)
        assert.equal(GENUINE, cut[1], cut[2])
      end
    end)

    it(protocol .. ": hears nothing of what stands in the ClientHello or behind it", function()
      for _, at in ipairs { 6, 50, 10000 } do
        local ending = pipelined(protocol, request, function(words, hello)
          return words .. hello:sub(1, at) .. evil .. hello:sub(at + 1)
        end)
        assert.is_nil(ending[1])
        assert.is_truthy(ending[3] == "tls" or ending[3] == "plaintext", ending[2])
      end
    end)

    it(protocol .. ": refuses the request when it comes twice", function()
      refused(protocol, request .. request, "injected")
    end)

    it(protocol .. ": hears nothing of what begins like a ClientHello", function()
      for _, case in ipairs {
        { "\22", "injected" }, { "\22\3", "injected" }, { "\22\3\1", "injected" },
        { "\22\3\1\0\3\1", "injected" }, { "\22\3\1\0\40\2", "tls" },
        { "\22\3\1\0\40\1", "tls" },
      } do
        refused(protocol, request .. case[1] .. "EVIL\r\n", case[2])
      end
    end)
  end

  for _, protocol in ipairs(textual) do
    local request, evil = dialogue.requests[protocol]:gsub("\r\n$", ""), injected[protocol]

    for _, case in ipairs {
      { "\r\n" .. evil:gsub("\r", ""), "injected" }, { "\r\n" .. evil:gsub("\n", ""), "injected" },
      { "\r\n\r\n", "injected" }, { "\r\n\n", "injected" }, { "\r\n\r", "injected" },
      { "\r\n\0", "injected" }, { "\r\n ", "injected" }, { "\r\n.\r\n", "injected" },
      { "\n" .. evil, "starttls" }, { "\n\r" .. evil, "starttls" }, { "\r" .. evil, "starttls" },
      { "\r\r\n" .. evil, "starttls" }, { "\0\r\n" .. evil, "starttls" },
      { "\n", "starttls" }, { "\11\r\n", "starttls" },
    } do
      it(("%s: refuses the request with '%s' behind it"):format(protocol,
        case[1]:gsub("%c", function(c) return ("\\%d"):format(c:byte()) end)), function()
        local heard = refused(protocol, request .. case[1], case[2])
        assert.is_nil(heard:find "proceed" or heard:lower():find "begin" or heard:find "220 2.0.0")
      end)
    end

    it(protocol .. ": gives no go-ahead to what is refused", function()
      local _, alone = attack(protocol, request .. "\r\n")
      for _, words in ipairs { evil, "\r\n", "\22" .. evil } do
        local _, heard = attack(protocol, request .. "\r\n" .. words)
        assert.is_true(#heard < #alone)
        assert.equal(alone:sub(1, #heard), heard)
      end
    end)

    it(protocol .. ": gives no go-ahead for a request behind half a line", function()
      local a, b = assert(urlsock.pair())
      local _, heard = support.together(serving(protocol, a), function()
        say(b, { "MAIL FROM:<evil@x.test>", request:match "[^\n]*$" .. "\r\n" })
        local all = overheard(b)
        b:close()
        return all
      end)
      assert.is_nil(heard[1]:find "proceed" or heard[1]:lower():find "begin tls" or
        heard[1]:find "220 2.0.0")
      a:close()
    end)
  end
end)
