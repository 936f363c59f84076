"""MLflow's own tracing, sending its spans by OTLP (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT). Prints the trace id it made."""

import mlflow
from mlflow.entities import SpanType


@mlflow.trace(span_type=SpanType.TOOL)
def get_weather(city: str) -> str:
    return {"Tokyo": "sunny", "Paris": "rainy"}.get(city, "unknown")


@mlflow.trace(span_type=SpanType.AGENT, attributes={"version": 3})
def agent(question: str) -> str:
    print(mlflow.get_current_active_span().trace_id)
    return f"It is {get_weather('Paris')}."


agent("What's the weather like in Paris today?")
