--- What a client without a name calls itself: the literal of its address
-- ([RFC 5321](https://www.rfc-editor.org/rfc/rfc5321), sections 4.1.3 and 4.1.4).
-- @module urlsock.starttls.address

local core = require "urlsock.core"

return function(socket)
  local name = core.stream.localname(socket)
  local url = name and core.parse(name)
  if not url or not url.host then return "localhost" end
  if url.host:find(":", 1, true) then return ("[IPv6:%s]"):format(url.host) end
  return ("[%s]"):format(url.host)
end
