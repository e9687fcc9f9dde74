// Where the client calls from; null where nobody says.
function(ctx) {
  flow: ctx.flow.id,
  client_ip: std.get(ctx.request_headers, 'True-Client-Ip', [null])[0],
}
