--- The facts of a connection, for people.
-- @module urlsock.cli.facts

local urlsock = require "urlsock"

local facts = {}

--- What strangers wrote, without what a terminal would act on.
function facts.clean(text)
  return (text:gsub("\194[\128-\159]", "?"):gsub("%c", "?"))
end

--- A time as people read it.
function facts.date(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S UTC", seconds)
end

--- Days from now, rounded down: negative in the past.
function facts.days(seconds)
  return math.floor((seconds - os.time()) / 86400)
end

--- The facts as a table: what info() tells, and both names.
function facts.of(socket)
  local t = urlsock.type(socket) == "stream" and socket:info() or { tls = false }
  t.localname = socket:localname() or nil
  t.peername = socket:peername() or nil
  return t
end

local function joined(list) return list and #list > 0 and table.concat(list, ", ") or nil end

--- The validity of a certificate in words.
function facts.validity(peer)
  if not peer.notbefore or not peer.notafter then return nil end
  local days, state = facts.days(peer.notafter), "ended"
  if os.time() < peer.notbefore then
    state = "not valid yet"
  elseif os.time() <= peer.notafter then
    state = ("%d days left"):format(days)
  end
  return ("%s to %s (%s)"):format(facts.date(peer.notbefore), facts.date(peer.notafter), state)
end

--- The facts as lines: a name and a text.
function facts.lines(t)
  local lines = {}
  local function add(name, text)
    if text then lines[#lines + 1] = ("%-12s %s"):format(name, facts.clean(tostring(text))) end
  end
  add("url", t.url)
  add("local", t.localname)
  add("peer", t.peername)
  if t.proxy then add("proxied", t.proxy.source or "by the proxy itself") end
  if not t.tls then
    add("tls", "none")
    return lines
  end
  add("tls", joined { t.version, t.cipher, t.bits and ("%d bits"):format(t.bits) })
  add("resumed", t.resumed and "yes" or nil)
  add("alpn", t.alpn)
  add("servername", t.servername)
  local peer = t.peer
  if peer then
    add("subject", peer.subject)
    add("issuer", peer.issuer)
    add("names", joined(peer.names))
    add("serial", peer.serial)
    add("valid", facts.validity(peer))
    add("hash", peer.hash)
  end
  if t.ocsp then add("ocsp", t.ocsp.status or t.ocsp.url) end
  add("verified", t.verified)
  return lines
end

return facts
