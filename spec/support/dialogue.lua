-- What the specs of dialogues share: a server that says what it was told to say, and for each
-- protocol what a good one says.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local dialogue = {}

local head = "<?xml version='1.0'?><stream:stream xmlns='%s' id='1' version='1.0' " ..
  "xmlns:stream='http://etherx.jabber.org/streams'>"
local tls = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
local features = "<stream:features><starttls " .. tls .. "><required/></starttls>" ..
  "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>" ..
  "</mechanisms></stream:features>"

--- An initial handshake packet of MySQL with these capabilities.
function dialogue.mysql(low, high)
  local body = "\0105.5.5-x\0" .. "\1\0\0\0" .. "12345678" .. "\0" .. low .. "\45" .. "\2\0" ..
    high .. "\21" .. ("\0"):rep(10) .. "123456789012\0" .. "mysql_native_password\0"
  return string.char(#body) .. "\0\0\0" .. body
end

--- The steps of a good server: it says one, and the next one when the client has said something.
-- An empty one means that the client speaks first.
dialogue.good = {
  smtp = { "220 x ESMTP\r\n", "250-x\r\n250-SIZE 1\r\n250 STARTTLS\r\n", "220 go\r\n" },
  lmtp = { "220 x LMTP\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n" },
  pop3 = { "+OK x\r\n", "+OK\r\nUSER\r\nSTLS\r\n.\r\n", "+OK go\r\n" },
  imap = { "* OK x\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n", "a2 OK go\r\n" },
  ftp = { "220-x\r\n anything\r\n220 y\r\n", "234 go\r\n" },
  nntp = { "200 x\r\n", "101 can\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", "382 go\r\n" },
  sieve = { '"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n', 'OK "go"\r\n' },
  xmpp = { "", head:format "jabber:client" .. features, "<proceed " .. tls .. "/>" },
  ["xmpp-server"] = {
    "", head:format "jabber:server" .. features, "<proceed " .. tls .. "></proceed>",
  },
  irc = { "", ":x NOTICE * :wait\r\n:x CAP * LS :sasl tls\r\n", ":x 670 * :go\r\n" },
  ldap = { "", "\48\12\2\1\1\120\7\10\1\0\4\0\4\0" },
  postgres = { "", "S" },
  mysql = { dialogue.mysql("\255\255", "\8\0") },
  telnet = { "\255\253\46", "\255\250\46\1\255\240" },
}

local function begins(words)
  return words:match "^.-streams'>" .. "<starttls " .. tls .. "/>"
end

--- What a client says to a server of ours before TLS begins.
dialogue.requests = {
  smtp = "EHLO x\r\nSTARTTLS\r\n", lmtp = "LHLO x\r\nSTARTTLS\r\n", pop3 = "STLS\r\n",
  imap = "x STARTTLS\r\n", ftp = "AUTH TLS\r\n", nntp = "STARTTLS\r\n", sieve = "STARTTLS\r\n",
  irc = "STARTTLS\r\n", postgres = "\0\0\0\8\4\210\22\47",
  ldap = "\48\29\2\1\1\119\24\128\0221.3.6.1.4.1.1466.20037",
  mysql = "\32\0\0\1\5\170\8\0" .. "\0\0\0\1\45" .. ("\0"):rep(23),
  telnet = "\255\251\46\255\250\46\1\255\240",
  xmpp = begins(dialogue.good.xmpp[2]),
  ["xmpp-server"] = begins(dialogue.good["xmpp-server"][2]),
}

--- The same steps with one of them changed.
function dialogue.changed(protocol, at, step)
  local t = {}
  for i, s in ipairs(dialogue.good[protocol]) do t[i] = s end
  t[at] = step
  for i = #t, at + 1, -1 do t[i] = nil end
  return t
end

--- Lets the client talk to a server of such steps; behind the last one the server is silent, or
-- closes, or (with `tls`) begins TLS.
-- @treturn table the stream or nil, message, code; what the client sent
function dialogue.run(protocol, steps, options, ending)
  local a, b = assert(urlsock.pair())
  local seen, over = {}, false
  local given = support.with(support.client, { protocol = protocol, timeout = 5 })
  local answer = support.together(function()
    local s, message, code = a:starttls(support.with(given, options or {}))
    over = true
    return s, message, code
  end, function()
    b:settimeout(2)
    for i, step in ipairs(steps) do
      if i > 1 then
        local said = support.gather(b)
        if not said then return end
        seen[#seen + 1] = said
      end
      if step ~= "" and not b:write(step) then return end
    end
    if ending == "close" then return b:close() end
    if ending == "tls" then
      -- the one protocol where the client has the last word
      if protocol == "mysql" then seen[#seen + 1] = b:read(36) end
      return b:starttls(support.server)
    end
    b:settimeout(0)
    repeat
      local more, _, code = b:read(-4096)
      seen[#seen + 1] = more
      coroutine.yield()
    until over and (not more or code == "eof")
  end)
  return answer, table.concat(seen), a, b
end

return dialogue
