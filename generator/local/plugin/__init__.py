"""MiniStack with what this pipeline needs and MiniStack lacks; runs inside `.venv-aws` as `python -m plugin`.

    __main__     starts MiniStack with everything below, and stops it when the parent's pipe closes
    in_process   botocore clients that call MiniStack's own handlers, without a socket and without IAM
    resources    what a CloudFormation type provides: create, update, delete, and which properties replace it
    addresses, rules, instances, identity, edge_keys, budgets, scaling
                 the twelve missing types; scaling also brings the service itself
    auto_scaling EC2 Auto Scaling: a group's boxes, as groups (pure) decides; fleets: its types
    corrections  MiniStack's own types where they drop or misreport a property
    drift        CloudFormation: drift of more types (readers), and change sets that take it back
    readers      what a look for drift compares
    layers       ECR: image layers, uploaded and fetched
    scans        ECR: what a scan found
    agent        ECS: tasks wait for an agent (generator/local/fargate.py), which reports what really happens
    targets      ELB: target health from real health checks
    balancers    ELB: internal load balancers listen on addresses of their own
    sites        CloudFront: a domain of one's own; its pages sign in and upload from here
    viewers      CloudFront: trusted key groups enforced, load balancers asked over TLS, their answers streamed
    sign_in      Cognito: the local page may ask, and the demo user is signed in at once
    signed_requests   the signatures that viewers are asked for
    services_as_principals   a stand-in assumes a role as the AWS service that it stands in for

Nothing here may import the rest of `generator`, which lives in another virtual environment.
"""
