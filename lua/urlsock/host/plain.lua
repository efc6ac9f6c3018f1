--- No scheduler: a call that has to wait does so in poll(2).
local core = require "urlsock.core"

return {
  wait = function(socket, want, seconds) core.poll(socket:fd(), want, seconds) end,
  closing = function() end,
}
