"""What tests share: tiny models, records, projects, repositories, a hub, and what every method must keep to."""
