// The address somebody registers.
function(ctx) { email: ctx.identity.traits.email }
