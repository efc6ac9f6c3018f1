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
  { "greets in two ways", { "220-x\r\n250 y\r\n" }, "starttls" },
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
  { "gives the go-ahead within the answer to EHLO", { [2] = "250-x\r\n220 STARTTLS\r\n" },
    "starttls" },
  { "puts STARTTLS behind another keyword", { [2] = "250-x\r\n250 AUTH STARTTLS\r\n" },
    "starttls" },
  { "puts STARTTLS where its name is due", { [2] = "250 STARTTLS\r\n" }, "starttls" },
  { "puts a NUL behind STARTTLS", { [2] = "250-x\r\n250 STARTTLS\0\r\n" }, "starttls" },
  { "ends a line with LF alone", { [2] = "250-x\n250 STARTTLS\r\n" }, "starttls" },
  { "ends a line with CR alone", { [2] = "250-x\r250 STARTTLS\r\n" }, "starttls" },

  { "answers STARTTLS with @", { [3] = "@ x\r\n" }, "starttls",
    { each = { 221, 250, 354, 421, 454, 500, 501, 502, 530 } } },
  { "refuses STARTTLS and gives the go-ahead then", { [3] = "454 x\r\n220 go\r\n" }, "starttls" },
  { "gives the go-ahead in two ways", { [3] = "220-go\r\n454 x\r\n" }, "starttls" },
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
  local i, at = 1, nil
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
  local name = spoken[protocol]:find "LO " and "me.test" or nil
  local options = support.with({ name = name, timeout = 5 }, row.options or {})
  local call, meet, a = ways[way](protocol, options)
  local heard, b = {}, nil
  local answer = support.together(call, function()
    b = meet()
    b:settimeout(5)
    serve(b, steps, row, heard)
  end)
  local clear, allowed = table.concat(heard), " " .. row[3] .. " "
  assert.equal(spoken[protocol]:sub(1, #clear), clear)
  if answer[1] then
    assert.equal("upgraded", row[3])
    assert.equal(spoken[protocol], clear)
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
