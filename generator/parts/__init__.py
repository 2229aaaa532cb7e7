"""What several stacks share; no stack is built here.

unique    names that carry {random}
tags      Project, Environment, ManagedBy on whatever takes tags
wiring    parameters and outputs: the names are the wiring
ports     what the API and the model server listen on
user_data what the GPU box runs at its first boot
policies  IAM statements that compose
load_balancers  their attributes
guards    what an environment demands of every resource of a type
"""
