package secret

// moneySpecs are credentials of payment and commerce services.
var moneySpecs = []spec{
	// https://docs.stripe.com/keys, https://docs.stripe.com/webhooks
	{id: "stripe-key", expr: `\b((?:sk|rk)_(?:test|live|prod)_[A-Za-z0-9]{10,247})\b`, like: []string{"sk_live_<alnum:24>"}, unlike: []string{"sk_live_<alnum:4>"}},
	{id: "stripe-webhook-secret", expr: `\b(whsec_[A-Za-z0-9+/]{24,64}={0,2})`, like: []string{"whsec_<alnum:32>"}, unlike: []string{"whsec_<alnum:4>"}},
	// https://developer.squareup.com/docs/build-basics/access-tokens
	{id: "square-token", expr: `\b(sq0(?:atp|csp|idp)-[\w-]{22,60}|EAAA[A-Za-z][\w-]{58,62})`, like: []string{"sq0csp-<alnum:43>"}, unlike: []string{"sq0csp-<alnum:4>"}},
	// https://developer.paypal.com/braintree/docs/guides/authorization/access-tokens
	{id: "braintree-token", expr: `(access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32})`, like: []string{"access_token$production$<lower:16>$<hex:32>"}, unlike: []string{"access_token$production$<lower:4>"}},
	// https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
	{id: "shopify-token", expr: `\b(shp(?:at|ca|pa|ss|tka)_[A-Fa-f0-9]{32})\b`, like: []string{"shpat_<hex:32>"}, unlike: []string{"shpat_<hex:8>"}},
	// https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/
	{id: "razorpay-key", expr: `\b(rzp_(?:live|test)_[A-Za-z0-9]{14,})\b`, like: []string{"rzp_live_<alnum:14>"}, unlike: []string{"rzp_live_<alnum:4>"}},
	// https://developer.flutterwave.com/docs/authentication
	{id: "flutterwave-key", expr: `\b(FLWSECK(?:_TEST)?-[a-zA-Z0-9]{12,40}(?:-X)?)\b`, like: []string{"FLWSECK-<hex:32>-X"}, unlike: []string{"FLWSECK-<hex:4>"}},
	// https://docs.adyen.com/development-resources/api-credentials/
	{id: "adyen-key", expr: `\b(AQE[a-z][A-Za-z0-9+/]{40,400}={0,2}-[A-Za-z0-9+/]{20,60}={0,2}-[A-Za-z0-9+/<>&;,.(){}|!?@#$%^*~:]{10,60})`, like: []string{"AQEy<b64:60>-<b64:43>-<b64:16>"}, unlike: []string{"AQEy<b64:8>"}},
	// https://docs.lemonsqueezy.com, https://docs.polar.sh/api-reference/introduction
	{id: "polar-token", expr: `\b(polar_(?:oat|pat|rt|at_[uo]|whs)_[A-Za-z0-9_-]{32,64})`, like: []string{"polar_oat_<alnum:43>"}, unlike: []string{"polar_oat_<alnum:8>"}},
	// https://developer.paddle.com/api-reference/about/authentication
	{id: "paddle-key", expr: `\b(pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3})\b`, like: []string{"pdl_live_apikey_<lower:26>_<alnum:22>_<alnum:3>"}, unlike: []string{"pdl_live_apikey_<lower:6>"}},
	// https://docs.duffel.com, https://docs.easypost.com/docs/authentication, https://docs.goshippo.com
	{id: "logistics-key", expr: `\b(duffel_(?:test|live)_[\w=-]{40,48}|EZ[AT]K[A-Za-z0-9]{54}|shippo_(?:live|test)_[a-f0-9]{40})`, like: []string{"duffel_live_<alnum:43>", "shippo_live_<hex:40>"}, unlike: []string{"duffel_live_<alnum:8>"}},
}
