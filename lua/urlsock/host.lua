--- Which scheduler runs here and now: what was said, or what is found.
-- @module urlsock.host

local plain = require "urlsock.host.plain"

local host = {}
local said -- by use()

-- Those that can tell that they run, by the module that is loaded then.
local detectable = { { "cqueues", "cqueues" }, { "copas", "copas" } }

local function detect()
  if rawget(_G, "ngx") then
    local nginx = require "urlsock.host.nginx"
    if nginx.running() then return nginx end
  end
  for _, pair in ipairs(detectable) do
    if package.loaded[pair[1]] then
      local found = require("urlsock.host." .. pair[2])
      if found.running() then return found end
    end
  end
  return plain
end

--- The host of this moment: a table with `wait` and `closing`.
function host.current() return said or detect() end

local names = { plain = true, cqueues = true, copas = true, luv = true, nginx = true }

--- Sets it by name or table; nil is detection again.
-- @treturn boolean false where there is no such host
function host.use(given, options)
  if given == nil then
    said = nil
  elseif names[given] then
    said = require("urlsock.host." .. given)
    for key, value in pairs(options or {}) do said[key] = value end
  elseif type(given) == "table" then
    said = { wait = given.wait or plain.wait, closing = given.closing or plain.closing,
      sleep = given.sleep }
  else
    return false
  end
  return true
end

return host
