--- CONNECT ([RFC 9110, section 9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)), with
-- Basic authentication ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)).
-- @module urlsock.via.http

-- What an answer may have in bytes, and how many interim ones there may be.
local HEAD, INTERIM = 16384, 8

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- RFC 4648, section 4
local function base64(bytes)
  local text = bytes:gsub("..?.?", function(part)
    local a, b, c = part:byte(1, 3)
    local n, out = a * 65536 + (b or 0) * 256 + (c or 0), ""
    for _ = 1, 4 do
      local digit = n % 64
      out, n = alphabet:sub(digit + 1, digit + 1) .. out, (n - digit) / 64
    end
    return out:sub(1, #part + 1) .. ("="):rep(3 - #part)
  end)
  return text
end

--- The status and the words of an answer. A line's end is CRLF and nothing else, so that there are
-- no two ways to see where the answer stops.
local function answer(talk)
  local head = talk:upto("\r\n\r\n", HEAD, "the answer to CONNECT")
  if not head then return nil end
  local line = head:match "^[^\r\n]*"
  local status, words = line:match "^HTTP/1%.%d (%d%d%d)(.*)$"
  if not status or not words:find "^ " and words ~= "" or head:gsub("\r\n", ""):find "[^%C\t]" then
    return talk:fail("refused", "the answer to CONNECT is none of HTTP: '%s'", talk.quoted(head))
  end
  return tonumber(status), talk.quoted(words)
end

return function(talk, target, proxy)
  local host = target.host:find(":", 1, true) and "[" .. target.host .. "]" or target.host
  local place = ("%s:%d"):format(host, target.port)
  local credentials = ""
  if proxy.user then
    if proxy.user:find(":", 1, true) then
      return talk:fail("url", "a user has no colon in it (RFC 7617, section 2)")
    end
    credentials = ("Proxy-Authorization: Basic %s\r\n"):format(
      base64(proxy.user .. ":" .. proxy.password))
  end
  talk:send(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n"):format(place, place, credentials))
  for _ = 1, INTERIM do
    local status, words = answer(talk)
    if not status then return nil end
    if status >= 200 and status < 300 then return true end
    if status == 407 or status == 401 then -- tinyproxy says 401
      return talk:fail("denied", "%s (%d%s)", proxy.user and "user or password are not accepted"
        or "it wants a user and a password", status, words)
    elseif status >= 200 or status < 100 or status == 101 then
      return talk:fail("refused", "%d%s", status, words)
    end
  end
  return talk:fail("refused", "%d interim answers to CONNECT, and no final one", INTERIM)
end
