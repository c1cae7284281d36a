"""Makes, lists and deletes a CLB and a DNS record with the official SDK. Prints JSON."""

import json
import os
import sys
import threading

from tencentcloud.clb.v20180317 import clb_client
from tencentcloud.clb.v20180317 import models as clb
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.dnspod.v20210323 import dnspod_client
from tencentcloud.dnspod.v20210323 import models as dnspod
from tencentcloud.vpc.v20170312 import models as vpc
from tencentcloud.vpc.v20170312 import vpc_client

region = sys.argv[1]
keys = credential.Credential(os.environ["TENCENTCLOUD_SECRET_ID"], os.environ["TENCENTCLOUD_SECRET_KEY"])
address = os.environ["TENCENTCLOUD_ENDPOINT"].removeprefix("http://")
profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=address))


def filled(request, **fields):
    for name, value in fields.items():
        setattr(request, name, value)
    return request


balancers = clb_client.ClbClient(keys, region, profile)


def finish(answer):
    """Wait for an asynchronous task as the SDK's users do: ask for its status."""
    pause = threading.Event()
    for _ in range(100):
        status = balancers.DescribeTaskStatus(filled(clb.DescribeTaskStatusRequest(), TaskId=answer.RequestId))
        if status.Status != 2:
            assert status.Status == 0, status.to_json_string()
            return status
        pause.wait(0.1)
    raise SystemExit("the task does not end")


networks = vpc_client.VpcClient(keys, region, profile).DescribeVpcs(vpc.DescribeVpcsRequest())
wanted = {"LoadBalancerType": "OPEN", "LoadBalancerName": "by-hand", "VpcId": networks.VpcSet[0].VpcId}
made = balancers.CreateLoadBalancer(filled(clb.CreateLoadBalancerRequest(), **wanted))
balancer_id = finish(made).LoadBalancerIds[0]
wanted = filled(clb.DescribeLoadBalancersRequest(), LoadBalancerIds=[balancer_id])
listed = balancers.DescribeLoadBalancers(wanted)
domain = listed.LoadBalancerSet[0].LoadBalancerDomain
finish(balancers.DeleteLoadBalancer(filled(clb.DeleteLoadBalancerRequest(), LoadBalancerIds=[balancer_id])))
left = balancers.DescribeLoadBalancers(filled(clb.DescribeLoadBalancersRequest(), LoadBalancerName="by-hand"))

names = dnspod_client.DnspodClient(keys, "", profile)
asked = {"Domain": "sanmen.test", "RecordType": "A", "RecordLine": "默认", "Value": "198.18.0.80"}
record = names.CreateRecord(filled(dnspod.CreateRecordRequest(), SubDomain="by-hand", **asked))
one = filled(dnspod.DescribeRecordRequest(), Domain="sanmen.test", RecordId=record.RecordId)
value = names.DescribeRecord(one).RecordInfo.Value
names.DeleteRecord(filled(dnspod.DeleteRecordRequest(), Domain="sanmen.test", RecordId=record.RecordId))
everything = names.DescribeRecordList(filled(dnspod.DescribeRecordListRequest(), Domain="sanmen.test"))
told = {
    "balancer_domain": domain,
    "listed": listed.TotalCount,
    "left": left.TotalCount,
    "record_value": value,
    "records_left": len([found for found in everything.RecordList if found.Name == "by-hand"]),
}
print(json.dumps(told))
