function(ctx) {
  reason: ctx.reason,
  method: ctx.method,
  flow: ctx.flow.id,
  [if std.objectHas(ctx, "identity") then "identity"]: ctx.identity.id,
  [if std.objectHas(ctx.request_headers, "True-Client-Ip") then "ip"]: ctx.request_headers["True-Client-Ip"][0],
}
