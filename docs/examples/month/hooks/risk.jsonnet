// Who signs in, and from where.
function(ctx) {
  identity: ctx.identity.id,
  client_ip: ctx.request_headers['True-Client-Ip'][0],
}
