"""The agent on the GPU box: keeps Ray Serve at the state that Git asks for.

    s3: serve/{env}/desired.json          desired     what Git asks for, parsed strictly
              |
              v
    loop ---- look ----> Snapshot         lookout     sees the world; snapshot: what it saw, plain data
      |                     |
      |                  decide           decide      Snapshot -> Action (actions), pure; by rollout (what Ray is told,
      |                     |                         step by step), capacity (does it fit?), trial (is a canary good?)
      |                     |
      +----- act <----------+             effects     store (S3, disk), ray_head (process), serve_api (REST), golden
      |                                               (the proof, in a thread), memory (what outlives the agent)
      v
    s3: observed/{env}/box.json           report      what the box is, for people and for `ecgctl`; reporter writes it

In a fleet: service (when the box comes into service and may go), fleet_report (one box.json of many boxes).
Beside the loop: gpus (how busy they are, for CloudWatch).

One action a turn, then it looks again; so it may die anywhere and continue from what it finds. Nothing here imports
ray or torch: Ray is a child process and a REST API.
"""
