"""One prompt over many items: `parley batch`."""
