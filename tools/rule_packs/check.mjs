// What two rule packs of cdk-nag find in a template: a line of JSON for each finding, {"rule", "level", "resource", "says"}.
//
//   node tools/rule_packs/check.mjs TEMPLATE.json
import { App, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { AwsSolutionsChecks, HIPAASecurityChecks } from "cdk-nag";

const app = new App();
new CfnInclude(new Stack(app, "All"), "Template", { templateFile: process.argv[2] });
for (const pack of [new AwsSolutionsChecks(), new HIPAASecurityChecks()]) {
  for (const { ruleName, severity, description, violatingResources } of pack.validateScope(app).violations) {
    for (const { constructPath } of violatingResources) {
      const found = { rule: ruleName, level: severity, resource: constructPath.split("/").at(-1), says: description };
      console.log(JSON.stringify(found));
    }
  }
}
