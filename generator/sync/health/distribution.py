"""A CloudFront distribution, from GetDistribution."""

from generator.sync.health.states import Health, Payload, healthy, of_payload, progressing, suspended, unknown


@of_payload
def distribution(payload: Payload) -> Health:
    """Judge `Distribution` of GetDistribution; a disabled one answers nobody, on purpose."""
    match payload["Status"]:
        case "InProgress":
            return progressing("CloudFront is still bringing the change to its edges")
        case "Deployed" if payload["DistributionConfig"]["Enabled"]:
            return healthy()
        case "Deployed":
            return suspended("disabled")
        case status:
            return unknown(f"CloudFront says {status}, which this release of ecgctl does not know")
