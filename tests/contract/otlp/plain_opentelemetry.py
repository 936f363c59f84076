"""A Python program with plain opentelemetry-sdk: no MLflow, no Sightline. Prints the trace id it made."""

import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

url = sys.argv[1]
provider = TracerProvider(resource=Resource.create({"service.name": "plain-python"}))
provider.add_span_processor(
    BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces", headers={"x-sightline-experiment": "plain-python"}))
)
tracer = provider.get_tracer("contract")

with tracer.start_as_current_span("answer") as root:
    root.set_attribute("openinference.span.kind", "CHAIN")
    root.set_attribute("input.value", "東京の天気は？")
    root.set_attribute("output.value", "sunny")
    try:
        with tracer.start_as_current_span("lookup") as child:
            child.set_attribute("openinference.span.kind", "TOOL")
            raise ValueError("no data for Atlantis")
    except ValueError:
        pass

provider.shutdown()
print(format(root.get_span_context().trace_id, "032x"))
