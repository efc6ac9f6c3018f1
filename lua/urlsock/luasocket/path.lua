--- Paths of Unix sockets as URLs.
-- @module urlsock.luasocket.path

local urlsock = require "urlsock"

local path = {}

--- The URL of a path. A name that begins with `@` is a file here, not an abstract name.
-- @treturn[1] string
-- @treturn[2] nil
-- @treturn[2] string the word
function path.url(scheme, name)
  if name:sub(1, 1) == "@" then name = "./" .. name end
  local u = urlsock.parse(("%s://%s"):format(scheme, name))
  if u then return u.url end
  return nil, name == "" and "Invalid argument" or "path too long"
end

return path
