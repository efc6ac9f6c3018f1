--- No scheduler: a call that has to wait does so in poll(2).
local core = require "urlsock.core"

local poll = core.poll
local plain = { failed = {} }

--- Where poll(2) itself fails: `failed`, message, code; what another host returns means nothing.
function plain.poll(fd, want, seconds)
  local ready, message, code = poll(fd, want, seconds)
  if ready == nil then return plain.failed, message, code end
end

function plain.wait(socket, want, seconds)
  return plain.poll(socket:fd(), want, seconds)
end

function plain.closing() end

return plain
