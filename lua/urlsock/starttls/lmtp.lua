--- LMTP: SMTP's dialogue with another hello
-- ([RFC 2033](https://www.rfc-editor.org/rfc/rfc2033), section 4.1).
-- @module urlsock.starttls.lmtp

return require("urlsock.starttls.smtp").spoken("LHLO", "LMTP")
