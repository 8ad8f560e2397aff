package jobs

type SetQuotaArgs struct {
	Server string `json:"server"`
	Slice  int64  `json:"slice"`
}

func (SetQuotaArgs) Kind() string { return "set_quota" }

type ForgetAccountArgs struct {
	User int64 `json:"user"`
}

func (ForgetAccountArgs) Kind() string { return "forget_account" }
