// The invitation stands in the query of the address at which the form was asked for.
function(ctx) {
  flow: ctx.flow.id,
  asked_at: ctx.flow.request_url,
}
