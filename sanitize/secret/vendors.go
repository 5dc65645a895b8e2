package secret

// vendors are services whose name before "key", or alone before a value that
// looks made by a machine, tells what the value is. Names that are also common
// words or stand next to hashes in ordinary documents (github, docker, git) are
// in the first list only.
var vendors = wordSet(distinctVendors + ` github gitlab docker google aws azure amazon slack npm openai linear notion apollo clay cursor scale segment square travis drone loop buffer box lob plaid close copper front gem intercom kraken make maps oracle outlook papertrail parse pipedrive pusher sage sentry shodan splunk strava tableau teams telegram trello twitch twitter uber unity wise zoom mongodb mysql redis postgres jenkins jira confluence facebook fb firebase x db skyscanner travel webhook`)

// distinctVendors are names that mean the service and nothing else.
const distinctVendors = `abstractapi adafruit adyen ahrefs ai21 aiven airbrake airtable aiven akamai alchemy algolia alibaba amplitude apify apollo.io appcenter appdynamics appveyor artifactory asana assemblyai atlassian auth0 authress
axiom baremetrics beamer bitbucket bitfinex bitly bittrex blockfrost blynk braintree brevo browserstack bugsnag buildkite calendly canva censys cerebras chargebee checkr circleci clarifai clearbit clerk clickhouse clickup clojars
cloudant cloudconvert cloudflare cloudinary cloudsight cloudsmith cockroachdb codacy codeclimate codecov cohere coinbase coinmarketcap confluent contentful convertkit coralogix coveralls crowdin crowdstrike customer.io cypress
databento databricks datadog datarobot deepgram deepl deepseek deviantart digicert digitalocean discord docusign doppler dropbox dynatrace easypost elevenlabs etherscan eventbrite exchangerate fastly figma filestack finnhub
fireworks fixer flickr flutterwave foursquare freshbooks freshdesk freshservice frontegg geocodio getresponse gitbook gitter gocardless gotomeeting grafana groq guardian gumroad harness helpscout heroku hetzner honeybadger
honeycomb hubspot hunter.io huggingface ibmcloud infura instagram ipapi ipgeolocation ipinfo ipstack iterable jfrog jotform jumpcloud kickbox klaviyo kucoin langchain langfuse langsmith launchdarkly lastfm linkedin linode
liveblocks livekit logdna loggly logz looker mailchimp mailerlite mailgun mailjet mandrill mapbox maptiler mattermost maxmind meraki messagebird mistral mixpanel moesif mollie monday mux netlify newrelic newsapi ngrok nightfall
nomics noaa nytimes nylas okta onesignal openrouter opencage openweather openweathermap opsgenie optimizely owlbot packagist paddle pagerduty paystack pendo perplexity pinata pinecone pinterest plivo polygon positionstack
posthog postmark prismic pubnub pulumi pyowm quickbooks rapidapi razorpay readme replicate rollbar runpod salesforce sauce saucelabs scaleway scrapingbee scrapfly segmentio sendbird sendgrid sendinblue serpapi shippo shopify
signalwire skyscanner snowflake snyk softlayer sonarcloud sonarqube sourcegraph spoonacular spotify sqreen squarespace stackblitz statuspage steam storyblok stripe sumologic supabase surveymonkey tailscale tavily telnyx tencent
thousandeyes ticketmaster tinify tmdb together todoist tomtom travisci trufflehog twelvedata twilio typeform unsplash upcloud upstash uptimerobot urlscan vercel verimatrix virustotal vonage voyageai vultr wakatime
weatherapi weatherbit weatherstack webflow weightsandbiases wepay wistia woocommerce wpengine yandex yelp youtube zapier zendesk zenserp zerobounce zerossl zoho zonka`
