"""Every error that Modelyard raises on purpose.

    ModelyardError
    ├── UserError                 the caller can mend it; shown with code, message and path
    │   ├── NotFound  NameTaken  InvalidValue  Forbidden  EtagMismatch  IdempotencyKeyReused
    │   ├── TemplateFrozen  TransitionRefused  FolderRefused  FileTooLarge  OutsideFolder
    │   ├── NoRollout  FixedPort  PromotionRefused  BeingDeleted  MetricTaken
    │   ├── MadeForBatch  NoKubernetes
