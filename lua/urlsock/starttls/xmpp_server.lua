--- XMPP between servers: the same in another namespace.
-- @module urlsock.starttls.xmpp_server

return require("urlsock.starttls.xmpp").spoken("jabber:server", { domain = true, name = true })
