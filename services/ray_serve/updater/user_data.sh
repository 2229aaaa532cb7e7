#!/bin/bash
# Placeholder: the updater is written beside it. ${ArtifactsBucketName} ${Environment} ${AWS::Region}
