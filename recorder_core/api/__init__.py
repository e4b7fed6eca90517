"""The recorder's HTTP API and its typed client, the only door that other programs use.

JSON over aiohttp on a Unix socket of mode 0600, or over TCP with TLS and a bearer token:

    GET    /v1/status                          RecorderStatus
    GET    /v1/feed?after=SEQ                  newline-separated FeedItem, endless; a heartbeat every 15 s;
                                               without `after` no stored events
    PUT    /v1/settings                        Settings → RecorderStatus
    POST   /v1/volumes/check                   VolumeConfig → VolumeCheck
    POST   /v1/probe                           ProbeRequest → ProbeResult
    PUT    /v1/cameras/{camera_id}             CameraConfig → CameraStatus
    DELETE /v1/cameras/{camera_id}             204; footage stays and goes by its rules
    GET    /v1/cameras/{camera_id}/still       image/jpeg of the newest picture
    GET    /v1/cameras/{camera_id}/coverage?start_us=&end_us=   Coverage
    GET    /v1/cameras/{camera_id}/forecast?start_us=&end_us=   Forecast
    POST   /v1/holds                           HoldRequest → 201 PlacedHold, 200 where its key is known
    GET    /v1/holds?active=                   HoldList: the active ones, or with `active=false` all
    GET    /v1/holds/{hold_id}                 Hold
    POST   /v1/holds/{hold_id}/review          HoldReview → Hold
    POST   /v1/holds/{hold_id}/release         HoldRelease → Hold
    GET    /v1/certificates?camera_id=&after=&limit=   CertificateList
    POST   /v1/retention/confirm-clock         RecorderStatus
    POST   /v1/exports                         ExportRequest → 202 ExportJob
    POST   /v1/stills                          StillRequest → 202 ExportJob
    POST   /v1/packages                        PackageRequest → 202 ExportJob
    GET    /v1/exports?limit=                  ExportList, the newest first
    GET    /v1/exports/{export_id}?wait_s=     ExportJob, at once or when it is done
    DELETE /v1/exports/{export_id}?actor=      ExportJob, cancelled or removed
    POST   /v1/exports/{export_id}/deliver     DeliveryRequest → 201 Delivery, when the copy lies there
    GET    /v1/deliveries?active=              DeliveryList: the active ones, or with `active=false` all
    POST   /v1/deliveries/{delivery_id}/remove   DeliveryRemoval → Delivery
    GET    /v1/ledger?after=&limit=            LedgerPage
    POST   /v1/shutdown                        202; ends worker and supervisor

A failure answers 4xx or 5xx with `{"error": Problem}`.
"""
