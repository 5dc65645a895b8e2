package doorward.access

import data.relations.held
import rego.v1

allow if input.document.object in held[input.context.action]
