"""Requests to engines, wherever they are; and the targets that are not deployments."""
