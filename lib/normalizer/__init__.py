"""
Events and raw answers of AWS, normalized to scan reports and findings. Pure.

From a row to findings:

    readers            which of these reads it, by the source
    ecr_basic          a row of basic scanning: one finding
    ecr_enhanced       a row of ECR's enhanced scanning; inspector2: a row of Inspector itself
      inspector_rows   what both have: a vulnerability in several packages, one finding for each
    details            what a call of its own adds to them
    values             single values; package_url, images: names; casing: names of fields
    unknown_fields     what no reader knows, kept as text

From answers and events to reports:

    pages              the report in the pages of a scan; fingerprints: whether it is the same
    events             events, with the images and scans that they announce
    conformance        their check against schemas
    indexes            the parts of an image index
    coverage           what Inspector's coverage says about an image

From documents that people keep:

    documents          any of them, as reports; document_parts: part by part
    files              a file as JSON; contents: what can be in it; file_kinds: by its name
    unwrapping         the documents inside of others
    inspector_csv      exports as CSV; scan_sbom: answers in CycloneDX; security_hub: its findings
    lookalikes         documents that only look like scan results
"""
